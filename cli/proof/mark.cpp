#include "proof/mark.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <utility>

namespace tasks::cli {

marker::marker(const memory_image& image, const heap_map& heap) : image_(image), heap_(heap), marks_(heap.size()) {
  static_assert(sizeof(object_mark) == 16);
  const auto segments = heap.segments();
  if (segments.empty()) return;
  low_ = segments.front().begin;
  high_ = segments.back().end + heap_map::header;
}

void marker::watch(heap_map::object o, watcher who) {
  marks_[o].watched = true;
  watchers_.emplace_back(o, who);
  watchers_are_sorted_ = false;
}

void marker::mark(heap_map::object o, std::uint32_t from) {
  auto& its = marks_[o];
  if (its.watched && !its.marked) seen_.push_back(o);
  its.marked = true;
  its.from = from;
  its.source = source_;
  if ((from & is_root) != 0) {
    its.ways = 1;
    its.several_roots = false;
    its.root = from & ~is_root;
  } else {
    const auto& other = marks_[from];
    its.ways = other.ways;
    its.several_roots = other.several_roots;
    its.root = other.root;
  }
  if (!its.pending) pending_.push_back(o);
  its.pending = true;
}

void marker::mark_by_root(heap_map::object o, const origin& from) {
  // All frames of a task have one root.
  if (roots_.empty() || !(roots_.back().is == from)) roots_.push_back({from, reading_->identity});
  mark(o, is_root | static_cast<std::uint32_t>(roots_.size() - 1));
}

void marker::count_way(heap_map::object o, std::uint32_t from) {
  auto& its = marks_[o];
  if (its.source == source_) return;
  its.source = source_;
  const bool by_root = (from & is_root) != 0;
  const std::uint32_t more = by_root ? 1 : marks_[from].ways;
  its.ways = static_cast<std::uint16_t>(std::min(its.ways + more, many_ways));
  const auto& other = by_root ? *reading_ : roots_[marks_[from].root];
  its.several_roots = its.several_roots || (!by_root && marks_[from].several_roots) || !(roots_[its.root] == other);
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

void marker::begin_root(const origin& from) {
  const root next{from, identity_of(from)};
  if (reading_ && *reading_ == next) return;
  reading_ = next;
  ++source_;
}

void marker::add(std::uint64_t word, const origin& from) {
  const auto o = heap_.find(word & address_bits);
  if (o == heap_map::none || heap_.is_free(o)) return;
  begin_root(from);
  if (!marks_[o].marked)
    mark_by_root(o, from);
  else if (is_fresh(marks_[o]))
    count_way(o, is_root);
}

void marker::add_apart(heap_map::object o, const origin& from) {
  if (o == heap_map::none || heap_.is_free(o) || (marks_[o].marked && !is_apart(marks_[o]))) return;
  begin_root(from);
  marks_[o].apart = false;
  mark_by_root(o, from);
}

void marker::follow_all() {
  for (const auto o : std::exchange(held_back_, {})) {
    if (!marks_[o].apart || marks_[o].pending) continue;
    marks_[o].pending = true;
    pending_.push_back(o);
  }
  nothing_is_apart_ = true;
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
    if (marks_[o].marked) {
      if (is_fresh(marks_[o])) count_way(o, from_object);
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
  marks_[o].pending = false;
  if (is_apart(marks_[o])) {
    held_back_.push_back(o);
    return;
  }
  reading_.reset();
  ++source_;
  add_words(heap_.extent(o), o);
}

void marker::tell(const listener& on_mark) {
  if (!std::exchange(watchers_are_sorted_, true)) std::sort(watchers_.begin(), watchers_.end());
  auto at = watchers_.begin();
  for (const auto o : std::exchange(seen_, {})) {
    // Most often the next one.
    if (at == watchers_.end() || at->first != o)
      at = std::lower_bound(watchers_.begin(), watchers_.end(), std::pair(o, watcher{0}));
    for (; at != watchers_.end() && at->first == o; ++at) on_mark(at->second, o);
  }
}

void marker::run(const listener& on_mark) {
  while (!pending_.empty() || !seen_.empty()) {
    while (!pending_.empty()) {
      first_of_level_ = source_ + 1;
      for (const auto o : std::exchange(pending_, {})) read(o);
    }
    tell(on_mark);
  }
}

origin marker::marked_by(heap_map::object o) const noexcept {
  const auto from = marks_[o].from;
  return (from & is_root) != 0 ? roots_[from & ~is_root].is : origin{origin::kind::object, from};
}

}  // namespace tasks::cli
