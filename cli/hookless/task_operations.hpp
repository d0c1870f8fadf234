#pragma once

/// Which operations in a picture belong to tasks: coroutines wait for them, or they begin one.

#include <cstdint>
#include <vector>

#include "coroutines/program.hpp"
#include "picture/heap_map.hpp"
#include "picture/picture.hpp"

namespace tasks::cli {

/// Addresses of operations that keep a task, or what a task is kept in, sorted; those that are over may be among them.
[[nodiscard]] std::vector<std::uint64_t> find_task_operations(const picture& in, const heap_map& heap,
                                                              coroutine_program& program);

}  // namespace tasks::cli
