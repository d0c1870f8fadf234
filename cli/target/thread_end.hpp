#pragma once

/// Where a walk up a stack has to end: a walk that loses its way may end elsewhere, and says nothing of it.

#include <elfutils/libdwfl.h>

#include <cstdint>

#include "linux/memory.hpp"

namespace tasks::cli {

/// Does the function that `address` returns to end the thread or the process, whatever its callee says? Code of a
/// coroutine of its own, such as makecontext(3)'s, goes on instead.
/// `bytes`: the target's, for the code; `module`: that of the address.
[[nodiscard]] bool ends_the_thread(Dwfl_Module* module, const memory& bytes, std::uint64_t address);

}  // namespace tasks::cli
