#include "proof/mark.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <utility>

namespace tasks::cli {

marker::marker(const memory_image& image, const heap_map& heap)
    : image_(image),
      heap_(heap),
      marked_(heap.size()),
      watched_(heap.size()),
      apart_(heap.size()),
      fresh_(heap.size()),
      several_roots_(heap.size()),
      ways_(heap.size()),
      from_(heap.size()),
      root_of_(heap.size()) {
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
  if (watched_[o] && !marked_[o]) seen_.push_back(o);
  marked_[o] = true;
  fresh_[o] = true;
  from_[o] = from;
  if ((from & is_root) != 0) {
    ways_[o] = 1;
    several_roots_[o] = false;
    root_of_[o] = from & ~is_root;
  } else {
    ways_[o] = ways_[from];
    several_roots_[o] = several_roots_[from];
    root_of_[o] = root_of_[from];
  }
  pending_.push_back(o);
}

void marker::mark_by_root(heap_map::object o, const origin& from) {
  roots_.push_back({from, reading_->identity});
  mark(o, is_root | static_cast<std::uint32_t>(roots_.size() - 1));
}

void marker::count_way(heap_map::object o, std::uint32_t from) {
  const bool by_root = (from & is_root) != 0;
  const bool is_known = by_root ? (from_[o] & is_root) != 0 && (from_[o] & ~is_root) >= first_of_it_ : from_[o] == from;
  if (is_known || !counted_.insert(o).second) return;
  const std::uint32_t more = by_root ? 1 : ways_[from];
  ways_[o] = static_cast<std::uint16_t>(std::min(ways_[o] + more, many_ways));
  const auto& other = by_root ? *reading_ : roots_[root_of_[from]];
  several_roots_[o] = several_roots_[o] || (!by_root && several_roots_[from]) || !(roots_[root_of_[o]] == other);
}

std::uint64_t marker::identity_of(const origin& from) const {
  if (from.is == origin::kind::variable) return from.tid;
  if (from.is != origin::kind::memory) return from.value;
  const auto* area = image_.area_of(from.value);
  if (area == nullptr) return from.value;
  const auto* before = area->path.empty() ? image_.area_of(area->begin - 1) : nullptr;
  if (before != nullptr && before->is_file() && before->writable) area = before;  // zeros of an object's: holder_at()
  return area->path.empty() ? area->begin : std::hash<std::string>()(area->path);
}

void marker::begin_source() {
  // Clearing a set takes as long as it once was large.
  constexpr std::size_t small = 64;
  if (counted_.size() > small)
    counted_ = {};
  else if (!counted_.empty())
    counted_.clear();
  first_of_it_ = roots_.size();
}

void marker::begin_root(const origin& from) {
  const root next{from, identity_of(from)};
  if (reading_ && *reading_ == next) return;
  reading_ = next;
  begin_source();
}

void marker::add(std::uint64_t word, const origin& from) {
  const auto o = heap_.find(word & address_bits);
  if (o == heap_map::none || heap_.is_free(o)) return;
  begin_root(from);
  if (!marked_[o])
    mark_by_root(o, from);
  else if (fresh_[o])
    count_way(o, is_root);
}

void marker::add_apart(heap_map::object o, const origin& from) {
  if (o == heap_map::none || heap_.is_free(o) || (marked_[o] && !apart_[o])) return;
  begin_root(from);
  apart_[o] = false;
  mark_by_root(o, from);
}

void marker::follow_all() {
  for (const auto o : std::exchange(held_back_, {}))
    if (apart_[o]) pending_.push_back(o);
  std::fill(apart_.begin(), apart_.end(), false);
}

/// `words` lie in one area. From an object, or from memory that is none.
void marker::add_words(range words, std::uint32_t from_object) {
  const auto* area = image_.area_of(words.begin);
  if (area == nullptr) return;
  words.begin = std::max(words.begin, area->copied.begin);
  words.end = std::min(words.end, area->copied.end);
  if (words.begin >= words.end) return;
  if (from_object == is_root) begin_root({origin::kind::memory, words.begin});
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
    if (o == heap_map::none) continue;
    if (marked_[o]) {
      if (fresh_[o]) count_way(o, from_object);
      continue;
    }
    if (heap_.is_free(o)) continue;
    if (from_object == is_root) {
      mark_by_root(o, {origin::kind::memory, words.begin + at});
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

void marker::read(heap_map::object o) {
  if (apart_[o]) {
    held_back_.push_back(o);
    return;
  }
  reading_.reset();
  begin_source();
  add_words(heap_.extent(o), o);
}

void marker::run(const listener& on_mark) {
  while (!pending_.empty() || !seen_.empty()) {
    while (!pending_.empty()) {
      const auto as_far = std::exchange(pending_, {});
      for (const auto o : as_far) fresh_[o] = false;
      for (const auto o : as_far) read(o);
    }
    for (const auto o : std::exchange(seen_, {}))
      for (const auto who : watchers_[o]) on_mark(who, o);
  }
}

origin marker::marked_by(heap_map::object o) const noexcept {
  const auto from = from_[o];
  return (from & is_root) != 0 ? roots_[from & ~is_root].is : origin{origin::kind::object, from};
}

}  // namespace tasks::cli
