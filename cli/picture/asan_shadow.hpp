#pragma once

/// What AddressSanitizer knows of a target's memory: a byte for each eight says whether they may be touched.
///
///   low shadow | gap | high shadow        shadow of an address = address / 8 + 0x7fff8000; on aarch64, of addresses of
///                                         48 bits, + 0x1000000000
///
/// The source is compiler-rt's asan_mapping.h and asan_internal.h; g++ has the same. Memory that was freed is kept from
/// use for a while, as it was left but for its first bytes: there are stale frames of coroutines in it.

#include <cstdint>
#include <vector>

#include "linux/memory.hpp"
#include "picture/own_memory.hpp"

namespace tasks::cli {

/// Its mappings are at addresses that nobody else chooses. They hold no addresses of the program's.
[[nodiscard]] bool has_asan_shadow(const std::vector<memory_region>& regions);
[[nodiscard]] bool is_asan_shadow(const memory_region& region);

class asan_shadow {
 public:
#if defined(__aarch64__)
  static constexpr std::uint64_t offset = std::uint64_t{1} << 36;
  static constexpr range low_shadow{offset - page_size, 0x1200000000}, gap{0x1200000000, 0x41200000000},
      high_shadow{0x41200000000, 0x201000000000};
#else
  static constexpr std::uint64_t offset = 0x7fff8000;
  static constexpr range low_shadow{offset - page_size, 0x8fff7000}, gap{0x8fff7000, 0x2008fff7000},
      high_shadow{0x2008fff7000, 0x10007fff8000};
#endif
  static constexpr std::uint64_t bytes_a_shadow_byte = 8;
  /// Where the memory begins that a byte of the shadow is of.
  [[nodiscard]] static constexpr std::uint64_t memory_of(std::uint64_t shadow) noexcept {
    return (shadow - offset) * bytes_a_shadow_byte;
  }

  asan_shadow() = default;
  /// Copies that of `runs`, sorted and disjoint. `from` has such a shadow, and must stand still meanwhile.
  asan_shadow(const memory& from, const std::vector<range>& runs);

  /// Nobody may touch what is there: it was freed, its function has returned, or it belongs to no object. False where
  /// nothing is known.
  [[nodiscard]] bool is_poisoned(std::uint64_t address) const noexcept;

 private:
  std::vector<range> copied_;  ///< of the shadow, one behind the other in bytes_
  std::vector<std::uint64_t> at_;
  own_memory bytes_;
};

}  // namespace tasks::cli
