#pragma once

/// Reading this process's own memory as an outsider would: an address that is no longer mapped is an error, not a
/// crash. Records name source locations in libraries that may be closed at any moment.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tasks::detail {

/// Copies up to `size` bytes from `address`; returns how many it could, 0 when none. Never faults.
[[nodiscard]] std::size_t read_self(std::uint64_t address, void* to, std::size_t size) noexcept;

struct self_piece {
  std::uint64_t address;
  void* to;
  std::size_t size;
  std::size_t got = 0;  ///< out: how many bytes could be copied
};
/// Likewise several pieces: one system call for 64 of them, two more for each that is not there as a whole.
void read_self(std::span<self_piece> pieces) noexcept;

/// The zero-terminated strings at these addresses, in their order, each cut where memory ends or after `longest` bytes;
/// empty for address 0. Made valid UTF-8: bytes that are not become '?', because protobuf refuses them. All are read at
/// once, in rounds: 512 bytes of each, then what is left up to the next page. Throws std::bad_alloc.
[[nodiscard]] std::vector<std::string> read_self_strings(std::span<const std::uint64_t> addresses,
                                                         std::size_t longest = 4096);

}  // namespace tasks::detail
