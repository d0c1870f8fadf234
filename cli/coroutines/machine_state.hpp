#pragma once

/// What body_machine knows at one moment: registers, flags and what was written to the stack, each of them known or
/// not, and whether it depends on the index of the suspend point. Copied wherever both ways are taken.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "coroutines/instructions.hpp"

namespace tasks::cli {

struct machine_value {
  std::uint64_t bits = 0;
  bool is_known = false;
  bool is_of_index = false;  ///< depends on it
  std::uint64_t source = 0;  ///< of is_of_index: the offset in the frame that it was loaded from
};

/// The lowest `size` bytes of a word.
[[nodiscard]] constexpr std::uint64_t low_bytes(std::uint64_t bits, std::size_t size) noexcept {
  return size >= 8 ? bits : bits & ((std::uint64_t{1} << (8 * size)) - 1);
}

/// The lowest `size` bytes, 1 to 8, as a signed number.
[[nodiscard]] constexpr std::uint64_t sign_extended(std::uint64_t bits, std::size_t size) noexcept {
  const auto shift = 64 - 8 * size;
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(bits << shift) >> shift);
}

struct machine_flags {
  bool is_known = false, is_of_index = false;
  bool zero = false, negative = false, carry = false, overflow = false, parity = false;
  std::uint64_t source = 0;  ///< as machine_value::source

  /// Nothing: it is not known.
  [[nodiscard]] std::optional<bool> hold(machine_condition condition) const noexcept;
};

/// Bytes that were written to, in order of their addresses.
class machine_memory {
 public:
  /// Nothing: nobody has written there. Of bytes that are written in part: a value that is not known.
  [[nodiscard]] std::optional<machine_value> load(std::uint64_t address, std::size_t size) const;
  /// Bytes beyond the eighth are not known. Nothing happens once too much is written.
  void store(std::uint64_t address, const machine_value& value, std::size_t size);
  [[nodiscard]] std::size_t words() const noexcept { return words_.size(); }
  [[nodiscard]] bool is_full() const noexcept { return words_.size() >= most_words; }

 private:
  static constexpr std::size_t most_words = 4096;
  struct word {
    std::uint64_t address, bits, source;
    std::uint8_t written, known, of_index;  ///< a bit for each byte
  };

  [[nodiscard]] const word* find(std::uint64_t address) const;
  [[nodiscard]] word* find_or_make(std::uint64_t address);

  std::vector<word> words_;
};

class machine_state {
 public:
  static constexpr std::uint64_t stack_top = 0x7ff0'0000'0000;

  /// As at the begin of a body that is called for the frame there.
  explicit machine_state(std::uint64_t frame);

  /// The lowest bytes of a register, 0 to 15; of any other nothing is known.
  [[nodiscard]] machine_value get(std::uint8_t which, std::size_t size) const;
  /// As processors do it: four bytes and more replace the whole register.
  void set(std::uint8_t which, const machine_value& value, std::size_t size);
  void forget(std::uint16_t registers);

  [[nodiscard]] static bool is_stack(std::uint64_t address) noexcept {
    return address >= stack_top - stack_below && address < stack_top + stack_above;
  }

  std::uint64_t at = 0;  ///< the instruction that is next
  machine_flags flags;
  machine_memory written;

 private:
  static constexpr std::uint64_t stack_below = std::uint64_t{1} << 20, stack_above = 4096;
  std::array<machine_value, 16> registers_;
  std::array<std::uint8_t, 16> known_bytes_{};  ///< of each register, a bit for each
};

}  // namespace tasks::cli
