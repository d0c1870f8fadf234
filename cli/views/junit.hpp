#pragma once

/// A test's result as JUnit's XML has it, which CI servers read.

#include <fmt/format.h>

#include <string>

namespace tasks::cli {

/// A suite of one test: the program.
struct junit_result {
  std::string name;
  std::string failure;  ///< in a line; empty: it has passed
  std::string text;     ///< what was found out
  double seconds = 0;
};

/// Bytes that XML has no room for are left out.
void render_junit(fmt::memory_buffer& out, const junit_result& of);

}  // namespace tasks::cli
