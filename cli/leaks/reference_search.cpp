#include "reference_search.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>

#include "evidence.hpp"
#include "stacks.hpp"

namespace tasks::cli::leaks {
namespace {

constexpr std::uint64_t address_bits = (std::uint64_t{1} << 48) - 1;
/// A vector of shared pointers in an object that a map's node points to is four.
constexpr unsigned most_allocations = 5;
constexpr std::size_t most_wanted = 4096;
/// Of a frame, or of memory that is no heap, only this much around an object belongs to it.
constexpr std::uint64_t around_before = 256, around_after = 64;

bool same_place(const holder& a, const holder& b) {
  const auto key = [](const holder& h) {
    const bool by_address = h.what == holder::kind::allocation || h.what == holder::kind::memory;
    return std::tuple(h.what, h.id, by_address ? h.address : 0, std::string_view(h.path));
  };
  return key(a) == key(b);
}

}  // namespace

reference_search::reference_search(const memory_image& image, const heap_map& heap,
                                   const std::vector<thread_registers>& threads, const kernel_words& kernel,
                                   const seen_tasks& seen)
    : image_(image), heap_(heap), threads_(threads), kernel_(kernel), unused_(unused_stacks(image, threads)) {
  for (const auto& task : seen.tasks)
    for (std::uint32_t i = 0; i < task.frames; ++i)
      if (const auto o = heap.find(seen.frames[task.first_frame + i]); o != heap_map::none) frames_.emplace(o, task.id);
  unused_.insert(unused_.end(), seen.slabs.begin(), seen.slabs.end());
  std::sort(unused_.begin(), unused_.end(), [](const range& a, const range& b) { return a.begin < b.begin; });
}

std::uint64_t reference_search::task_of(heap_map::object o) const noexcept {
  const auto found = frames_.find(o);
  return found == frames_.end() ? 0 : found->second;
}

void reference_search::want(std::uint64_t object) {
  const auto o = heap_.find(object);
  if (o == heap_map::none || heap_.is_free(o)) {
    add({{}, object, 0}, holder_at(image_, threads_, object));
    next_.push_back({{object - around_before, object + around_after}, object, 0});
    return;
  }
  auto memory = heap_.extent(o);
  if (const auto task = task_of(o); task != 0) {
    add({{}, object, 0}, {holder::kind::frame, memory.begin, memory.end - memory.begin, task, {}});
    memory = {std::max(memory.begin, object - around_before), std::min(memory.end, object + around_after)};
  }
  visited_[object].push_back(o);
  next_.push_back({memory, object, 0});
}

void reference_search::add(const wanted& what, holder from) {
  const auto is_known = [&](const referrer& r) { return r.object == what.object && same_place(r.from, from); };
  if (std::any_of(referrers_.begin(), referrers_.end(), is_known)) return;
  referrers_.push_back({what.object, std::move(from), what.allocations});
}

void reference_search::found(std::uint64_t word, heap_map::object in, const holder& outside) {
  const auto address = word & address_bits;
  auto at = std::upper_bound(frontier_.begin(), frontier_.end(), wanted{{address, 0}, 0, 0});
  while (at != frontier_.begin() && (--at)->at.begin + longest_ > address) {
    if (!at->at.contains(address)) continue;
    if (in == heap_map::none) {
      add(*at, outside);
      continue;
    }
    const auto memory = heap_.extent(in);
    holder from{holder::kind::allocation, memory.begin, memory.end - memory.begin, 0, {}};
    if (const auto task = task_of(in); task != 0) {
      from.what = holder::kind::frame;
      from.id = task;
      add(*at, std::move(from));
      continue;
    }
    auto& visited = visited_[at->object];
    if (std::find(visited.begin(), visited.end(), in) != visited.end()) continue;
    if (at->allocations + 1 > most_allocations || next_.size() >= most_wanted) {
      add(*at, std::move(from));
      continue;
    }
    visited.push_back(in);
    next_.push_back({memory, at->object, at->allocations + 1});
  }
}

/// `words` lie in one area. `in`: the allocation that they belong to; none: not known yet, or none.
void reference_search::scan_words(range words, heap_map::object in) {
  const auto* bytes = image_.at(words.begin, words.end - words.begin);
  if (bytes == nullptr) return;
  for (auto at = words.begin; at + 8 <= words.end; at += 8, bytes += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes, sizeof word);
    if ((word & address_bits) - low_ >= high_ - low_) continue;
    const auto o = in != heap_map::none ? in : heap_.find(at);
    if (o == heap_map::none) {
      found(word, o, holder_at(image_, threads_, at));
    } else if (const auto memory = heap_.extent(o); !heap_.is_free(o) && memory.contains(at)) {
      found(word, o, {});
    }
  }
}

void reference_search::scan_memory() {
  for (const auto& run : image_.runs()) {
    auto at = run.begin;
    for (const auto& hole : unused_) {
      if (hole.end <= at || hole.begin >= run.end) continue;
      if (hole.begin > at) scan_words({at, hole.begin}, heap_map::none);
      at = hole.end;
    }
    if (at < run.end) scan_words({at, run.end}, heap_map::none);
  }
  for (const auto& thread : threads_) {
    const holder from{holder::kind::registers, 0, 0, thread.tid, {}};
    for (const auto word : thread.general) found(word, heap_map::none, from);
    if (waits_in_libc(image_, thread)) continue;
    for (const auto word : thread.vector) found(word, heap_map::none, from);
  }
  for (const auto& held : kernel_.words)
    found(held.word, heap_map::none, {holder::kind::kernel, 0, 0, held.descriptor, {}});
}

std::vector<referrer> reference_search::find(std::span<const std::uint64_t> objects,
                                             std::chrono::steady_clock::time_point deadline) {
  referrers_.clear();
  next_.clear();
  visited_.clear();
  cut_ = false;
  for (const auto object : objects) want(object);
  while (!next_.empty()) {
    if (std::chrono::steady_clock::now() >= deadline) {
      cut_ = true;
      break;
    }
    frontier_ = std::exchange(next_, {});
    std::sort(frontier_.begin(), frontier_.end());
    longest_ = 0;
    low_ = frontier_.front().at.begin;
    high_ = 0;
    for (auto& each : frontier_) {
      each.at.end += heap_map::header / 2;  // a pointer to an array's end belongs to the array
      longest_ = std::max(longest_, each.at.end - each.at.begin);
      high_ = std::max(high_, each.at.end);
    }
    scan_memory();
  }
  return std::exchange(referrers_, {});
}

}  // namespace tasks::cli::leaks
