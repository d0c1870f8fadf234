#pragma once

/// Where tasks are spawned: the return addresses on the spawning thread's stack, outwards from begin_task(), each path
/// kept once.
///
///   stack:  co_spawn_entry_point()   initiate_co_spawn()   co_spawn()     session(int)
///   kept:   call_site ─────────────> call_site ──────────> call_site ───> call_site <── record::spawn_path
///
/// All of these but the last are Asio's own.
///
/// A path that is known is followed by reading one word of the stack for each of its calls: how far apart two return
/// addresses lie is the same whenever the same call leads to the next. Each word is compared with those that are known
/// there before the next one is read. A function with a frame pointer may have a frame of another size (alloca): behind
/// it a word is read only where earlier unwinding has seen that the stack reaches. On aarch64 the frame records are
/// followed instead, which code is built with there by default. Only a new path is unwound, with the compiler's own
/// tables, once.

#include "registry/registry.hpp"

namespace tasks::detail {

/// The path of a call. `frame`: right behind its return address on the stack, see TASKS_CALLED_FROM. 0: no memory.
/// Where it cannot be unwound it ends early. Unwinding is done for the first task of a path only, and takes some
/// microseconds.
[[nodiscard]] std::uint64_t call_path(layout::registry& home, std::uint64_t frame) noexcept;

/// In a function: right behind its return address on the stack.
#if defined(__aarch64__)
#  define TASKS_CALLED_FROM() (::tasks::detail::address(__builtin_frame_address(0)) + 16)
#else
#  define TASKS_CALLED_FROM() ::tasks::detail::address(__builtin_dwarf_cfa())
#endif

}  // namespace tasks::detail
