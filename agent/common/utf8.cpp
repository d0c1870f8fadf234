#include "utf8.hpp"

#include <algorithm>
#include <cstddef>

namespace tasks::detail {
namespace {

/// Length of the UTF-8 sequence that `text` begins with; 0: it is none. (Unicode 15, table 3-7.)
std::size_t utf8_sequence(const unsigned char* text, std::size_t size) noexcept {
  const unsigned first = text[0];
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || size < length) return 0;
  const unsigned lowest = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const unsigned highest = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (text[1] < lowest || text[1] > highest) return 0;
  for (std::size_t i = 2; i < length; ++i)
    if ((text[i] & 0xc0) != 0x80) return 0;
  return length;
}

}  // namespace

void make_utf8(std::string& text) noexcept {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  for (std::size_t i = 0; i < text.size();) {
    const auto length = utf8_sequence(bytes + i, text.size() - i);
    if (length == 0) text[i] = '?';
    i += std::max<std::size_t>(length, 1);
  }
}

}  // namespace tasks::detail
