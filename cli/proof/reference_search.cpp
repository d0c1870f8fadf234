#include "proof/reference_search.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "proof/evidence.hpp"

namespace tasks::cli {
namespace {

/// A vector of shared pointers in an object that a map's node points to is four; a handler that a shared pointer of a
/// function in a queue keeps, which is in an object that a member of another points to, seven.
constexpr unsigned most_allocations = 8;
constexpr std::size_t most_wanted = 4096, most_referrers = 4096;
/// Of memory that is no heap only this much around an object belongs to it.
constexpr std::uint64_t before_in_memory = 16, after_in_memory = 64;

}  // namespace

reference_search::reference_search(const memory_image& image, const heap_map& heap,
                                   const std::vector<thread_registers>& threads, const thread_words& words,
                                   const kernel_words& kernel, const seen_tasks& seen)
    : image_(image), heap_(heap), threads_(threads), words_(words), kernel_(kernel), unused_(words.unused) {
  for (const auto& task : seen.tasks)
    for (std::uint32_t i = 0; i < task.frames; ++i)
      if (const auto o = heap.find(seen.frames[task.first_frame + i]); o != heap_map::none) frames_.emplace(o, &task);
  unused_.insert(unused_.end(), seen.slabs.begin(), seen.slabs.end());
  std::sort(unused_.begin(), unused_.end(), [](const range& a, const range& b) { return a.begin < b.begin; });
}

const seen_task* reference_search::frame_owner(heap_map::object o) const noexcept {
  const auto found = frames_.find(o);
  return found == frames_.end() ? nullptr : found->second;
}

bool reference_search::is_late() {
  cut_ = cut_ || std::chrono::steady_clock::now() >= deadline_;
  return cut_;
}

void reference_search::want(std::uint64_t object) {
  wanted sought{{object - before_in_memory, object + after_in_memory}, object, 0};
  const auto o = heap_.find(object);
  if (o == heap_map::none || heap_.is_free(o)) {
    add(sought, holder_at(image_, threads_, object));
  } else {
    const auto memory = heap_.extent(o);
    if (const auto* task = frame_owner(o)) {
      if (task->object != object) add(sought, {holder::kind::frame, memory.begin, 0, task->id, {}, {}});
      if (task->unnamed && task->object == object)
        sought.at = {object, object + 1};
      else
        sought.at = {std::max(memory.begin, around_in_frame(object).begin),
                     std::min(memory.end, around_in_frame(object).end)};
    } else {
      sought.at = memory;
    }
    visited_.emplace(object, o);
  }
  next_.push_back(sought);
}

void reference_search::add(const wanted& sought, holder from) {
  const bool by_address = from.is == holder::kind::allocation || from.is == holder::kind::memory;
  if (!known_.emplace(sought.object, from.is, from.id, by_address ? from.address : 0, from.path).second) return;
  if (referrers_.size() >= most_referrers)
    cut_ = true;
  else
    referrers_.push_back({sought.object, std::move(from), sought.allocations});
}

/// A word in this allocation leads to what is wanted.
void reference_search::go_on(const wanted& sought, heap_map::object through) {
  const auto memory = heap_.extent(through);
  if (const auto* task = frame_owner(through)) {
    if (task->object != sought.object) add(sought, {holder::kind::frame, memory.begin, 0, task->id, {}, {}});
    return;
  }
  if (!visited_.emplace(sought.object, through).second) return;
  if (sought.allocations == most_allocations)
    add(sought, {holder::kind::allocation, memory.begin, memory.end - memory.begin, 0, {}, {}});
  else if (next_.size() >= most_wanted)
    cut_ = true;
  else
    next_.push_back({memory, sought.object, sought.allocations + 1});
}

template <class From>
void reference_search::found(std::uint64_t word, From from) {
  const auto address = word & address_bits;
  if (address - low_ >= high_ - low_) return;
  auto at = std::upper_bound(frontier_.begin(), frontier_.end(), wanted{{address, 0}, 0, 0});
  while (at != frontier_.begin() && (--at)->at.begin + longest_ > address)
    if (at->at.contains(address)) from(*at);
}

/// `words` lie in one area.
void reference_search::scan_words(range words) {
  const auto* bytes = image_.at(words.begin, words.end - words.begin);
  if (bytes == nullptr) return;
  for (auto at = words.begin; at + 8 <= words.end; at += 8, bytes += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes, sizeof word);
    found(word, [&](const wanted& sought) {
      const auto in = heap_.find(at);
      if (in == heap_map::none)
        add(sought, holder_at(image_, threads_, at));
      else if (!heap_.is_free(in) && heap_.extent(in).contains(at))
        go_on(sought, in);
    });
  }
}

void reference_search::scan_memory() {
  constexpr std::uint64_t at_once = std::uint64_t{16} << 20;
  for (const auto& run : image_.runs()) {
    auto hole = std::upper_bound(unused_.begin(), unused_.end(), run.begin,
                                 [](std::uint64_t at, const range& each) { return at < each.end; });
    for (auto at = run.begin; at < run.end && !is_late();) {
      const bool is_last = hole == unused_.end() || hole->begin >= run.end;
      const auto limit = is_last ? run.end : std::max(at, hole->begin);
      const auto end = at + std::min(limit - at, at_once);
      scan_words({at, end});
      at = end;
      if (!is_last && at == std::max(at, hole->begin)) at = std::max(at, (hole++)->end);
    }
  }
  for (const auto& held : words_.registers)
    found(held.word, [&](const wanted& sought) { add(sought, {holder::kind::registers, 0, 0, held.tid, {}, {}}); });
  for (const auto& held : kernel_.words)
    found(held.word, [&](const wanted& sought) { add(sought, {holder::kind::kernel, 0, 0, held.descriptor, {}, {}}); });
}

std::vector<referrer> reference_search::find(std::span<const std::uint64_t> objects,
                                             std::chrono::steady_clock::time_point deadline) {
  referrers_.clear();
  next_.clear();
  visited_.clear();
  known_.clear();
  cut_ = false;
  deadline_ = deadline;
  for (const auto object : objects) want(object);
  while (!next_.empty() && !is_late()) {
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

}  // namespace tasks::cli
