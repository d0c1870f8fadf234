#pragma once

/// The length that stands before each message on a connection: a base-128 varint, see
/// https://protobuf.dev/programming-guides/encoding/#varints

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tasks::detail {

struct length_prefix {
  enum class state { complete, incomplete, malformed };
  state is = state::incomplete;
  std::uint64_t length = 0;  ///< of the message, in bytes, where it is complete
  std::size_t size = 0;      ///< of the prefix itself
};

/// What stands at the beginning of `text`. `longest`: more bytes than that are malformed; ten hold 64 bits.
[[nodiscard]] inline length_prefix read_length_prefix(std::string_view text, std::size_t longest = 10) noexcept {
  length_prefix found;
  while (found.size < text.size() && found.size < longest) {
    const auto byte = static_cast<unsigned char>(text[found.size]);
    found.length |= std::uint64_t{byte & 0x7fu} << (7 * found.size);
    ++found.size;
    if (byte < 0x80) {
      found.is = length_prefix::state::complete;
      return found;
    }
  }
  if (found.size == longest) found.is = length_prefix::state::malformed;
  return found;
}

/// Throws std::bad_alloc.
inline void append_length_prefix(std::string& to, std::uint64_t length) {
  for (; length >= 0x80; length >>= 7) to.push_back(static_cast<char>((length & 0x7f) | 0x80));
  to.push_back(static_cast<char>(length));
}

}  // namespace tasks::detail
