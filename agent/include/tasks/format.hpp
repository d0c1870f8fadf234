#pragma once

/// std::format("{}", tasks::this_task::stack()), where the standard library has <format>. fmt needs nothing.

#include <version>

#include "tasks/async_stacktrace.hpp"

#if defined(__cpp_lib_format)

#  include <format>

template <>
struct std::formatter<tasks::async_stacktrace> : std::formatter<std::string> {
  template <class Context>
  auto format(const tasks::async_stacktrace& stack, Context& context) const {
    return std::formatter<std::string>::format(tasks::to_string(stack), context);
  }
};

#endif
