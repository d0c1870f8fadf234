#pragma once

/// The words of an object, as the mark reads them: at every fourth byte, since struct epoll_event is packed.

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "picture/memory_image.hpp"

namespace tasks::cli {

/// Visits those that lie in what was copied of `words`, which are of one area.
template <class Visit>
void each_word(const memory_image& image, range words, Visit visit) {
  const auto* area = image.area_of(words.begin);
  if (area == nullptr) return;
  words.begin = std::max(words.begin, area->copied.begin);
  words.end = std::min(words.end, area->copied.end);
  if (words.begin >= words.end) return;
  const auto* bytes = area->bytes + (words.begin - area->copied.begin);
  for (std::uint64_t at = 0; at + 8 <= words.end - words.begin; at += 4) {
    std::uint64_t word;
    std::memcpy(&word, bytes + at, sizeof word);
    visit(word);
  }
}

}  // namespace tasks::cli
