#pragma once

/// What is said when the program breaks.

namespace tasks {

/// From now on an exception that nobody catches, std::terminate() and abort() say on standard error what was thrown and
/// the await chain of the task that threw it; then the program ends as it would have: by the terminate handler that was
/// there before, by the same signal, with the same core. TASKS_DUMP=terminate in the environment does the same where an
/// agent starts (tasks::agent, tasks::autostart); TASKS_DUMP=terminate:/path/%p.%t has it written to that file (%p: the
/// process id, %t: seconds since the epoch, %%: %), or to standard error where that cannot be.
///
///   tasks: terminate: std::runtime_error: bad frame length
///   thrown in task 7 "conn 42":
///   read_line(tcp::socket&)
///   	/src/server.cpp:14
///   …
///
/// Until then nothing is installed. Takes the chain of each exception that leaves a coroutine from now on (a
/// microsecond each, of 1,024 that exist at a time), because a task is gone when its exception reaches main().
/// While it writes it neither allocates nor takes a lock, waits two seconds at most for who reads the other end, and
/// has other threads that break meanwhile wait as long. Any thread, any number of times.
///
/// A SIGABRT that the program ignores, or handles, stays so: its handler is called afterwards.
void dump_on_terminate() noexcept;

}  // namespace tasks
