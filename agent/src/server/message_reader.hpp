#pragma once

/// Reads the fields of a message of Protobuf, one after the other. What is malformed ends it, and says so.

#include <cstdint>
#include <string_view>

#include "length_prefix.hpp"
#include "server/message_writer.hpp"

namespace tasks::wire {

class message_reader {
 public:
  explicit message_reader(std::string_view text) noexcept : text_(text) {}

  /// Reads the next field. False: there is none, or it is malformed.
  bool next() noexcept {
    if (text_.empty() || malformed_) return false;
    const auto key = varint();
    field_ = static_cast<std::uint32_t>(key >> 3);
    type_ = static_cast<wire_type>(key & 7);
    if (key >> 3 == 0 || key >> 3 > last_field) malformed_ = true;
    if (!malformed_) read_value();
    return !malformed_;
  }
  [[nodiscard]] bool is_malformed() const noexcept { return malformed_; }

  /// The field that was read, and of which type. A known field of another type than ours is as an unknown one, as
  /// libprotobuf has it.
  [[nodiscard]] bool is_number(std::uint32_t field) const noexcept {
    return field_ == field && type_ == wire_type::varint;
  }
  [[nodiscard]] bool is_bytes(std::uint32_t field) const noexcept {
    return field_ == field && type_ == wire_type::bytes;
  }
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }

  /// The numbers of a packed field, or the one of a field that is not packed. False: malformed.
  template <class Each>
  bool each_number(Each each) {
    if (type_ == wire_type::varint) return each(number_), true;
    message_reader packed(bytes_);
    while (!packed.text_.empty() && !packed.malformed_) {
      const auto value = packed.varint();
      if (!packed.malformed_) each(value);
    }
    malformed_ = malformed_ || packed.malformed_;
    return !malformed_;
  }

 private:
  static constexpr std::uint64_t last_field = (1u << 29) - 1;

  std::uint64_t varint() noexcept {
    const auto read = detail::read_length_prefix(text_);
    if (read.is != detail::length_prefix::state::complete) malformed_ = true;
    text_.remove_prefix(read.size);
    return read.length;
  }
  std::string_view take(std::uint64_t size) noexcept {
    if (size > text_.size()) {
      malformed_ = true;
      return {};
    }
    const auto taken = text_.substr(0, size);
    text_.remove_prefix(size);
    return taken;
  }
  void read_value() noexcept {
    switch (type_) {
      case wire_type::varint:
        number_ = varint();
        return;
      case wire_type::bytes: {
        const auto size = varint();
        if (!malformed_) bytes_ = take(size);
        return;
      }
      case wire_type::fixed64:
        take(8);
        return;
      case wire_type::fixed32:
        take(4);
        return;
    }
    malformed_ = true;  // groups, which nothing of ours has, and what is no type at all
  }

  std::string_view text_;
  std::string_view bytes_;
  std::uint64_t number_ = 0;
  std::uint32_t field_ = 0;
  wire_type type_ = wire_type::varint;
  bool malformed_ = false;
};

}  // namespace tasks::wire
