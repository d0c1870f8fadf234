#pragma once

namespace tasks::detail {

/// Does what TASKS_DUMP asks for, once in a process. What it cannot do is said on standard error, a line each: whoever
/// sets it would wait for a dump in vain. Any thread.
void dump_as_environment_says() noexcept;

}  // namespace tasks::detail
