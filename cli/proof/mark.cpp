#include "proof/mark.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tasks::cli {

marker::marker(const memory_image& image, const heap_map& heap)
    : image_(image), heap_(heap), marked_(heap.size()), watched_(heap.size()), from_(heap.size()) {
  const auto segments = heap.segments();
  if (segments.empty()) return;
  low_ = segments.front().begin;
  high_ = segments.back().end + heap_map::header;
}

void marker::watch(heap_map::object o, watcher who) {
  watched_[o] = true;
  watchers_[o].push_back(who);
}

void marker::mark(heap_map::object o, std::uint32_t from) {
  marked_[o] = true;
  from_[o] = from;
  pending_.push_back(o);
  if (watched_[o]) seen_.push_back(o);
}

void marker::add(std::uint64_t word, const origin& from) {
  const auto o = heap_.find(word & address_bits);
  if (o == heap_map::none || marked_[o] || heap_.is_free(o)) return;
  roots_.push_back(from);
  mark(o, is_root | static_cast<std::uint32_t>(roots_.size() - 1));
}

/// `words` lie in one area. From an object, or from memory that is none.
void marker::add_words(range words, std::uint32_t from_object) {
  const auto* area = image_.area_of(words.begin);
  if (area == nullptr) return;
  words.begin = std::max(words.begin, area->copied.begin);
  words.end = std::min(words.end, area->copied.end);
  if (words.begin >= words.end) return;
  const auto* bytes = area->bytes + (words.begin - area->copied.begin);
  // The last one may reach beyond the end, where that is no object's.
  const auto size = words.end - words.begin;
  const std::uint64_t beyond = from_object == is_root && words.end + 4 <= area->copied.end ? 4 : 0;
  for (std::uint64_t at = 0; at + 8 <= size + beyond; at += 4) {
    std::uint64_t word;
    std::memcpy(&word, bytes + at, sizeof word);
    const auto address = word & address_bits;
    if (address - low_ >= high_ - low_) continue;
    const auto o = heap_.find(address);
    if (o == heap_map::none || marked_[o] || heap_.is_free(o)) continue;
    if (from_object == is_root) {
      roots_.push_back({origin::kind::memory, words.begin + at});
      mark(o, is_root | static_cast<std::uint32_t>(roots_.size() - 1));
    } else {
      mark(o, from_object);
    }
  }
}

void marker::add_memory(const std::vector<range>& without) {
  auto hole = without.begin();
  for (const auto& run : image_.runs()) {
    auto at = run.begin;
    while (hole != without.end() && hole->end <= at) ++hole;
    for (auto next = hole; next != without.end() && next->begin < run.end; ++next) {
      if (next->begin > at) add_words({at, next->begin}, is_root);
      at = std::max(at, next->end);
    }
    if (at < run.end) add_words({at, run.end}, is_root);
  }
}

void marker::add_variable(range words, const origin& from) {
  const auto* bytes = image_.at(words.begin, words.end - words.begin);
  if (bytes == nullptr) return;
  for (std::uint64_t at = 0; at + 8 <= words.end - words.begin; at += 4) {
    std::uint64_t word;
    std::memcpy(&word, bytes + at, sizeof word);
    add(word, from);
  }
}

void marker::run(const listener& on_mark) {
  while (!pending_.empty() || !seen_.empty()) {
    while (!pending_.empty()) {
      const auto o = pending_.back();
      pending_.pop_back();
      add_words(heap_.extent(o), o);
    }
    for (const auto o : std::exchange(seen_, {}))
      for (const auto who : watchers_[o]) on_mark(who, o);
  }
}

origin marker::marked_by(heap_map::object o) const noexcept {
  const auto from = from_[o];
  return (from & is_root) != 0 ? roots_[from & ~is_root] : origin{origin::kind::object, from};
}

}  // namespace tasks::cli
