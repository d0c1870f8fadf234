#pragma once

/// The frame pointer of a thread that was copied while it slept, where unwinding needs it.
///
///   system call <── libc <── F <── …      F's frame is found from the frame pointer, which nobody has saved
///
/// Libraries are compiled without frame pointers: of the innermost functions the stack pointer is enough. Of the first
/// function that needs more, the code says how far below its frame pointer it has put the stack pointer, or the stack
/// has the place: its return address follows a call of that very function. An answer counts only if the thread's first
/// function is reached with it.

#include "linux/memory.hpp"
#include "linux/thread_copy.hpp"
#include "symbols/modules.hpp"

namespace tasks::cli {

/// Precondition: attach() has made the copy one of `code`'s threads. False: it can be unwound only in part, with what
/// is known of its registers. `bytes`: the target's, for its code.
[[nodiscard]] bool find_frame_pointer(modules& code, const memory& bytes, thread_copy& copy);

}  // namespace tasks::cli
