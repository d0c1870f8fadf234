#include "utf8.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace tasks::detail {

std::size_t utf8_sequence(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.empty()) return 0;
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  const unsigned lowest = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const unsigned highest = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < lowest || byte(1) > highest) return 0;
  for (std::size_t i = 2; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  return length;
}

namespace {

/// How many bytes of ASCII a text begins with, or a few less: nearly every name is nothing else.
std::size_t ascii_at(const char* text, std::size_t size) noexcept {
  std::size_t i = 0;
  for (std::uint64_t word = 0; i + sizeof word <= size; i += sizeof word) {
    std::memcpy(&word, text + i, sizeof word);
    if ((word & 0x8080'8080'8080'8080) != 0) break;
  }
  return i;
}

void make_utf8(char* text, std::size_t size) noexcept {
  for (auto i = ascii_at(text, size); i < size;) {
    const auto length = utf8_sequence({text + i, size - i});
    if (length == 0) text[i] = '?';
    i += std::max<std::size_t>(length, 1);
  }
}

}  // namespace

void make_utf8(std::string& text) noexcept { make_utf8(text.data(), text.size()); }
void make_utf8(char* text) noexcept { make_utf8(text, std::strlen(text)); }

}  // namespace tasks::detail
