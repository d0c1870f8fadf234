#pragma once

/// Instructions and constants of a target's code, read by pages and decoded once.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "coroutines/code_bytes.hpp"
#include "coroutines/instructions.hpp"

namespace tasks::cli {

class code_view {
 public:
  /// `code` must outlive it.
  explicit code_view(const code_bytes& code) : code_(code) {}

  /// The instruction there, until the next call. Null: none is known.
  [[nodiscard]] const machine_instruction* at(std::uint64_t address);
  /// At most eight bytes as a number. Nothing: they are not all known.
  [[nodiscard]] std::optional<std::uint64_t> number_at(std::uint64_t address, std::size_t size);
  /// It lies in memory that the target may write.
  [[nodiscard]] bool may_change(std::uint64_t address) const { return code_.may_change(address); }

 private:
  static constexpr std::size_t most_pages = 256, most_instructions = 200'000;

  struct code_page {
    std::vector<unsigned char> bytes;
    bool is_constant = false;  ///< no process may have changed them
  };

  [[nodiscard]] std::size_t read(std::uint64_t address, unsigned char* to, std::size_t size);

  const code_bytes& code_;
  std::unordered_map<std::uint64_t, code_page> pages_;
  std::unordered_map<std::uint64_t, std::optional<machine_instruction>> instructions_;
};

}  // namespace tasks::cli
