#pragma once

/// Encodes messages of Protobuf at the end of a text, https://protobuf.dev/programming-guides/encoding/. The reverse is
/// message_reader.hpp.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tasks::wire {

enum class wire_type : std::uint32_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

class message_writer {
 public:
  explicit message_writer(std::string& to) noexcept : to_(to) {}
  /// A message that is a field of another, to which nothing is added while this one exists.
  message_writer(message_writer& parent, std::uint32_t field) : to_(parent.to_) {
    char bytes[longest_varint + length_size]{};
    to_.append(bytes, put(bytes, key(field, wire_type::bytes)) + length_size);
    begin_ = to_.size();
  }
  ~message_writer() {
    if (begin_ != 0) close();
  }
  message_writer(const message_writer&) = delete;
  message_writer& operator=(const message_writer&) = delete;

  void add_uint64(std::uint32_t field, std::uint64_t value) {
    char bytes[2 * longest_varint];
    to_.append(bytes, put(put(bytes, key(field, wire_type::varint)), value));
  }
  void add_bool(std::uint32_t field, bool value) { add_uint64(field, value ? 1 : 0); }
  /// Of type sint64.
  void add_sint64(std::uint32_t field, std::int64_t value) {
    add_uint64(field, static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
  }
  void add_fixed64(std::uint32_t field, std::uint64_t value) {
    char bytes[longest_varint + sizeof value];
    char* end = put(bytes, key(field, wire_type::fixed64));
    std::memcpy(end, &value, sizeof value);  // little endian, as is all that this runs on
    to_.append(bytes, end + sizeof value);
  }
  /// A string, or a message that is encoded already.
  void add_bytes(std::uint32_t field, std::string_view value) {
    char bytes[2 * longest_varint];
    to_.append(bytes, put(put(bytes, key(field, wire_type::bytes)), value.size()));
    to_.append(value);
  }
  /// Nothing if there are none.
  template <class Iterator>
  void add_packed(std::uint32_t field, Iterator begin, Iterator end) {
    if (begin == end) return;
    message_writer packed(*this, field);
    for (; begin != end; ++begin) {
      char bytes[longest_varint];
      to_.append(bytes, put(bytes, *begin));
    }
  }

 private:
  static constexpr std::size_t longest_varint = 10;  ///< bytes
  static constexpr std::size_t length_size = 1;      ///< room left for a length; most take no more

  static constexpr std::uint64_t key(std::uint32_t field, wire_type type) noexcept {
    return std::uint64_t{field} << 3 | static_cast<std::uint64_t>(type);
  }
  /// Returns where it ends.
  static char* put(char* at, std::uint64_t value) noexcept {
    for (; value >= 0x80; value >>= 7) *at++ = static_cast<char>((value & 0x7f) | 0x80);
    *at++ = static_cast<char>(value);
    return at;
  }
  /// Writes the length in front of what is there by now.
  void close() {
    char length[longest_varint];
    const auto used = static_cast<std::size_t>(put(length, to_.size() - begin_) - length);
    if (used == length_size)
      to_[begin_ - length_size] = length[0];
    else
      to_.replace(begin_ - length_size, length_size, length, used);
  }

  std::string& to_;
  std::size_t begin_ = 0;  ///< of a field's bytes; 0: it is the outermost message
};

}  // namespace tasks::wire
