#pragma once

/// Frame pointers that a function may have, where its stack pointer is known and no register has told.
///
///   code      [endbr64]  push %rbp  mov %rsp,%rbp  …  sub $size,%rsp     how far below it has put the stack pointer
///   stack     … | frame pointer of the caller | return address | …      which follows a call of that very function
///
/// They are guesses: whoever takes one checks it by what it leads to. x86-64 only.

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "linux/memory.hpp"
#include "symbols/modules.hpp"

namespace tasks::cli {

/// A word of a thread's stack.
using word_reader = std::function<std::optional<std::uint64_t>(std::uint64_t)>;

/// Of the function that `address` lies in; the likeliest first. `bytes`: the target's, for its code.
[[nodiscard]] std::vector<std::uint64_t> likely_frame_pointers(modules& code, const memory& bytes,
                                                               const word_reader& word, std::uint64_t address,
                                                               std::uint64_t stack_pointer);

}  // namespace tasks::cli
