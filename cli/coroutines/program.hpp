#pragma once

/// What is known of a program's coroutines, which does not change: kept from one look at it to the next.

#include "coroutines/bodies.hpp"
#include "coroutines/body_machine.hpp"
#include "coroutines/code_bytes.hpp"
#include "coroutines/frame_layout.hpp"
#include "coroutines/suspend_lines.hpp"
#include "linux/memory.hpp"
#include "symbols/debug_units.hpp"
#include "symbols/modules.hpp"

namespace tasks::cli {

struct coroutine_program {
  /// Reads the symbols. Both must outlive it.
  coroutine_program(const memory& from, modules& of)
      : code(of), debug(of), layouts(debug), bytes(from, of), machine(bytes), lines(bytes, of, debug, machine) {}

  program_code code;
  debug_units debug;
  frame_layouts layouts;
  code_bytes bytes;
  body_machine machine;
  suspend_lines lines;
};

}  // namespace tasks::cli
