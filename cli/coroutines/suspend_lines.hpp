#pragma once

/// The line of the co_await at which a frame is suspended, from the index of its suspend point:
///
///   index ──> where the body stores it ──> await_suspend(), inlined or called there ──> line
///
/// See cli/README.md for the rule and what it was measured against.

#include <cstdint>
#include <memory>
#include <optional>

#include "coroutines/body_machine.hpp"
#include "coroutines/frame_layout.hpp"
#include "symbols/debug_units.hpp"

namespace tasks::cli {

class suspend_lines {
 public:
  /// All must outlive it.
  suspend_lines(const code_bytes& code, modules& of, debug_units& debug, body_machine& machine);
  ~suspend_lines();
  suspend_lines(const suspend_lines&) = delete;
  suspend_lines& operator=(const suspend_lines&) = delete;

  /// Nothing: it is not known. Worked out once for each body and index.
  [[nodiscard]] const std::optional<source_line>& line_of(const coroutine_body& body, const frame_layout& layout,
                                                          std::uint64_t index);
  /// An address just before it suspends there: tells which variables are in scope. Nothing: it is not known.
  [[nodiscard]] std::optional<std::uint64_t> place_of(const coroutine_body& body, const frame_layout& layout,
                                                      std::uint64_t index);

 private:
  class state;
  std::unique_ptr<state> state_;
};

}  // namespace tasks::cli
