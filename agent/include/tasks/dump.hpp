#pragma once

/// What a program says of its tasks when it breaks: when an exception ends it, on a signal, in a deadlock.
///
/// On a signal, all tasks are written out: what SIGQUIT is to Go's runtime, and `kill -3` to the JVM.
///
///   int main() {
///     tasks::dump_on_signal(SIGQUIT);   // kill -QUIT PID: the program says what its tasks do, and goes on
///     …
///   }
///
/// Programs with an agent (tasks::autostart, or a tasks::agent) need no call: TASKS_DUMP=SIGQUIT in the environment.
///
///   TASKS_DUMP=SIGQUIT,SIGUSR2,deadlock:/var/log/server/%p.%t
///              │              │        └ a file, as signal_dump_options::path; without one standard error
///              │              └ dump_on_deadlock(); or exit: dump_then::exit for the signals
///              └ signals, as dump_on_signal(); one that is handled already is left alone, and said so
///
/// The handler does nothing but wake a thread of the agent's, which was started here and sleeps. That one writes: how
/// many tasks, threads and how much memory there are, which task runs on which thread, stacks in groups, and who waits
/// for longer than 30 s for what no clock and no peer ends. It works while every other thread hangs; it stops nobody.
///
/// Bounds: the 1000 largest groups are written, and who reads nothing for 5 s gets no more. Signals that come while a
/// dump is being written are one more dump. Of a dump in a file with the same name as another both are there.
///
/// Calls that a signal interrupts begin anew (SA_RESTART), but for those that the kernel never restarts: epoll_wait,
/// poll, select, nanosleep, socket calls with a time-out, … (signal(7)), and where a handler that is chained to was
/// installed without that flag. Asio's own do so by themselves.
///
/// Where a signal is blocked in all threads of the program, the agent's thread takes it. A child of fork() dumps from
/// its first task on (its thread is started then; not under ThreadSanitizer, which knows no threads there), or once it
/// calls dump_on_signal() again; a signal that comes before is answered then.

#include <cstdint>
#include <iosfwd>
#include <string>

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
/// A SIGABRT that the program ignores, or handles, stays so: its handler is called afterwards, as its flags say.
///
/// Exceptions outlive who threw them: a plugin that has called this, or throws with TASKS_EXCEPTIONS=1, is not unloaded
/// any more. At exit the terminate handler and SIGABRT are what they were before.
void dump_on_terminate() noexcept;

/// What happens to a signal that the program handles already. One that it ignores is not handled, and is taken.
enum class dump_handled {
  refuse,   ///< its handler stays
  replace,  ///< its handler is not called any more
  /// Its handler is called, too, on whichever thread takes the signal (the agent's, if all others block it), as its
  /// flags say: a second signal after SA_RESETHAND does what the signal does without a handler. Refused if it came
  /// after dump_on_signal() was called for that signal: it may call that one's.
  chain,
};

enum class dump_then {
  go_on,
  exit,  ///< as by that signal, core and all, once the dump is written: what Go does
};

struct signal_dump_options {
  /// Empty: standard error. %p: the process id, %t: seconds since the epoch, %%: %. Made with mode 0600, or added to if
  /// it is a regular file of this user's alone; a symlink is not followed there (folders on the way may be). What
  /// cannot be written to the file goes to standard error, with the reason.
  std::string path = {};
  dump_handled handled = dump_handled::refuse;
  dump_then then = dump_then::go_on;
};

enum class dump_status : std::uint32_t {
  installed = 0,
  handled = 1,  ///< the program handles that signal: see dump_handled
  bad_signal =
      2,  ///< there is none such, or it is one that no handler takes (SIGKILL, SIGSTOP) or returns from (SIGSEGV)
  bad_path = 3,   ///< another % than those above
  no_thread = 4,  ///< the thread could not be started, for want of memory or threads
};

/// Dumps on that signal from now on. Again, for the same signal: with these options. Any thread; takes a lock, so not
/// from a handler.
///
/// Nothing is written to a standard error that was closed when this was first called in the process, or is a network
/// socket: the number is something else's then. At exit, and before a plugin is unloaded, signals get back what they
/// did before; a dump that is being written then is waited for, and goes on for 5 s at most.
dump_status dump_on_signal(int signal, const signal_dump_options& options = {}) noexcept;

/// Dumps once, when nothing is left that could wake any task, as `tasks vitals` has it: every task waits on a channel
/// or for another task, none of them for a timer, a socket or a time-out besides, and none has gone on for 5 s.
/// Callbacks and other threads could still wake them; the dump says so. Looked for once a second at most, as long as
/// that takes no more than a hundredth of the time, up to the first task that waits for anything else. Costs tasks
/// nothing. Any thread.
dump_status dump_on_deadlock(const std::string& path = {}) noexcept;

/// What a dump says, as of now; `cause` comes first. Throws what the stream throws, and std::bad_alloc. Any thread.
void write_dump(std::ostream& out, const std::string& cause = {});

}  // namespace tasks
