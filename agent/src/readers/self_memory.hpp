#pragma once

/// Reading this process's own memory as an outsider would: an address that is no longer mapped is an error, not a
/// crash. Records name source locations in libraries that may be closed at any moment.

#include <cstddef>
#include <cstdint>
#include <string>

namespace tasks::detail {

/// Copies up to `size` bytes from `address`; returns how many it could, 0 when none. Never faults.
[[nodiscard]] std::size_t read_self(std::uint64_t address, void* to, std::size_t size) noexcept;

/// The zero-terminated string at `address`, cut where memory ends or after `longest` bytes. Made valid UTF-8: bytes
/// that are not become '?', because protobuf refuses them. Throws std::bad_alloc.
[[nodiscard]] std::string read_self_string(std::uint64_t address, std::size_t longest = 4096);

}  // namespace tasks::detail
