#pragma once

/// Instructions of x86-64, reduced to what body_machine tells apart. Decoded by Zydis (instructions.cpp); a build
/// without it, or for another processor, has instructions_none.cpp, which knows none.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace tasks::cli {

enum class machine_operation : std::uint8_t {
  other,  ///< its results are not known
  nothing,
  move,
  move_signed,
  load_address,
  push,
  pop,
  add,
  subtract,
  compare,
  bit_and,
  test,
  bit_or,
  bit_xor,
  shift_left,
  shift_right,
  shift_right_signed,
  increment,
  decrement,
  negate,
  invert,
  bit_test,
  multiply,
  set_if,
  move_if,
  jump,
  jump_if,
  call,
  leave_function,
  stop,  ///< traps, calls of the kernel: it is not followed any further
};

enum class machine_condition : std::uint8_t {
  not_known,
  equal,
  not_equal,
  above,
  above_or_equal,
  below,
  below_or_equal,
  greater,
  greater_or_equal,
  less,
  less_or_equal,
  negative,
  not_negative,
  parity,
  no_parity,
};

struct machine_operand {
  enum class form : std::uint8_t { none, a_register, number, memory };
  static constexpr std::uint8_t no_register = 0xff, instruction_pointer = 0xfe, stack_pointer = 4;

  form is = form::none;
  std::uint8_t size = 0;             ///< in bytes
  std::uint8_t base = no_register;   ///< a register: which, as processors number them; of memory: its base
  std::uint8_t index = no_register;  ///< of memory
  std::uint8_t scale = 0;            ///< of index
  bool is_thread_local = false;      ///< of memory
  bool is_high_byte = false;         ///< of a register: ah, bh, ch, dh
  std::uint64_t value = 0;           ///< a number, a jump's target, or memory's displacement; sign-extended
};

struct machine_instruction {
  static constexpr std::size_t longest = 15;

  machine_operation does = machine_operation::other;
  machine_condition when = machine_condition::not_known;
  std::uint8_t length = 0;
  std::uint8_t operand_count = 0;
  std::array<machine_operand, 3> operands;  ///< of `other`: the memory that it writes, if any
  machine_operand loaded;                   ///< of `other`: the memory that it reads, if any
  std::uint16_t written = 0;                ///< bit n: register n, wholly or in part
  std::uint16_t read = 0;                   ///< of `other`: likewise, but for what addresses are made of

  /// Where a jump or a call leads, if it says so itself; else 0.
  [[nodiscard]] std::uint64_t target() const noexcept {
    return operands[0].is == machine_operand::form::number ? operands[0].value : 0;
  }
};

/// The instruction that `bytes` begin with, at `address` of the target. Nothing: it is none.
[[nodiscard]] std::optional<machine_instruction> decode_instruction(std::span<const unsigned char> bytes,
                                                                    std::uint64_t address);

}  // namespace tasks::cli
