#pragma once

/// Instructions of a target, from its memory or else from its files: a core need not hold them.

#include <cstddef>
#include <cstdint>

#include "linux/memory.hpp"
#include "symbols/modules.hpp"

namespace tasks::cli {

class code_bytes {
 public:
  /// Both must outlive it.
  code_bytes(const memory& from, modules& code) : memory_(from), code_(code) {}

  /// Copies what is known from `address` on, at most `size` bytes; how many that were.
  std::size_t read(std::uint64_t address, void* to, std::size_t size) const;
  /// It lies in memory that the target may write.
  [[nodiscard]] bool may_change(std::uint64_t address) const;

 private:
  std::size_t read_file(std::uint64_t address, unsigned char* to, std::size_t size) const;

  const memory& memory_;
  modules& code_;
};

}  // namespace tasks::cli
