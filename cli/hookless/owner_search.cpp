#include "hookless/owner_search.hpp"

#include <algorithm>
#include <string_view>

#include "coroutines/address_map.hpp"

namespace tasks::cli {
namespace {

/// Allocations that are followed from an owner outwards.
constexpr std::uint32_t most_steps_outwards = 5;
/// In bytes: how far before an owner its operation may begin where allocations are known, and where they are not.
constexpr std::uint64_t largest_operation = 65'536, largest_loose_operation = 2048;
/// Likewise, before an owner the handler of a task that somebody awaits; and the largest such handler.
constexpr std::uint64_t largest_state = 1024, largest_handler = 4096;
/// So many owners ahead memory is asked for that will be read; and the bytes that are asked for at once.
constexpr std::size_t soon = 16, cache_line = 64;
constexpr std::size_t most_words_of_operations = 200'000'000, most_leads = 32'000'000;

}  // namespace

owner_search::owner_search(const wait_scene& scene)
    : scene_(scene), relations_(scene.tasks.size()), words_left_(most_words_of_operations), leads_left_(most_leads) {
  find_owners();
  follow_allocations();
  follow_from_handlers();
}

/// Words with the address of the promise of a task's entry point, outside of its own frames.
void owner_search::find_owners() {
  const auto& tasks = scene_.tasks;
  const auto& frames = scene_.scan.frames();
  address_map promises;
  promises.reserve(tasks.size());
  address_filter may_be_promise(tasks.size());
  for (std::uint32_t i = 0; i < tasks.size(); ++i) {
    const auto promise = frames[tasks[i].entry].promise();
    promises.insert(promise, i);
    may_be_promise.add(promise);
  }
  using owner = std::pair<std::uint64_t, std::uint32_t>;
  const auto owners = find_words<owner>(
      scene_.image, 2 * tasks.size(),
      [&](std::uint64_t address, std::uint64_t word, const unsigned char*, std::vector<owner>& found) {
        if (!may_be_promise(word)) return;
        const auto* task = promises.find(word);
        if (task == nullptr || tasks[*task].runs || scene_.stacks.is_dead(address)) return;
        const auto around = scene_.scan.around(address);
        if (around != frame_scan::none && frames[around].task == *task) return;
        found.emplace_back(address, *task);
      });
  operations_.reserve(owners.size());
  for (const auto& [address, task] : owners) relations_[task].has_owner = true;
  for (std::size_t i = 0; i < owners.size(); ++i) {
    // Operations begin before their owners.
    if (i + soon < owners.size()) scene_.image.prefetch(owners[i + soon].first - cache_line);
    consider(owners[i].second, owners[i].first, 0);
  }
}

void owner_search::consider(std::uint32_t task, std::uint64_t owner, std::uint32_t depth) {
  const auto object = scene_.heap.find(owner);
  const bool is_known = object != heap_map::none;
  if ((is_known && scene_.heap.is_free(object)) || take_child(task, owner, depth)) return;
  auto found = operation_around(owner, object);
  if (found && (is_known || !is_started_by_group(task))) {
    found->task = task;
    found->depth = depth;
    // A function on its way to an executor is in no queue itself: what has it is.
    if (found->function->is_first && is_known) open_.emplace_back(object, task);
    operations_.push_back(*found);
  } else if (is_known) {
    open_.emplace_back(object, task);
  } else if (depth == 0 && !scene_.stacks.is_stack(owner)) {
    loose_.emplace_back(owner, task);
  }
}

/// Does it lie in a frame of another task? What wakes ours is the handler in that one's entry point.
bool owner_search::take_child(std::uint32_t task, std::uint64_t owner, std::uint32_t depth) {
  const auto& frames = scene_.scan.frames();
  const auto around = scene_.scan.around(owner);
  if (around == frame_scan::none || frames[around].task >= relations_.size()) return false;
  const auto child = frames[around].task;
  if (child == task || scene_.tasks[child].entry != around) return true;
  auto& its = relations_[task];
  if (!its.to_child || depth < *its.to_child) its.to_child = depth;
  if (relations_[child].awaited_by == asio_operation::nobody) relations_[child].awaited_by = task;
  return true;
}

/// The nearest operation that begins before an owner, in its allocation, if that is known.
std::optional<asio_operation> owner_search::operation_around(std::uint64_t owner, heap_map::object object) {
  const auto* area = scene_.image.area_of(owner);
  if (area == nullptr) return std::nullopt;
  const bool is_known = object != heap_map::none;
  const auto farthest = owner - std::min(owner, is_known ? largest_operation : largest_loose_operation);
  const auto low = std::max(is_known ? scene_.heap.extent(object).begin : area->copied.begin, farthest);
  for (auto at = owner; at > low && at - low >= 8 && words_left_ != 0; --words_left_) {
    at -= 8;
    const auto* function = scene_.code.operation_at(scene_.image.word(at));
    if (function == nullptr) continue;
    if (!function->is_first && at - low < 8) return std::nullopt;
    return asio_operation{.at = function->is_first ? at : at - 8, .function = function};
  }
  return std::nullopt;
}

/// Its innermost frame says so: Asio's own, where use_awaitable has one.
bool owner_search::is_started_by_group(std::uint32_t task) const {
  const std::string_view symbol = scene_.scan.frames()[scene_.tasks[task].frames.front()].body->symbol;
  return symbol.find("8initiateI") != symbol.npos &&
         (symbol.find("14parallel_groupI") != symbol.npos || symbol.find("17initiate_co_spawn") != symbol.npos);
}

/// Allocations that are to be asked about now, sorted; each is asked about once.
std::vector<owner_search::owned_object> owner_search::take_open() {
  auto open = std::exchange(open_, {});
  std::sort(open.begin(), open.end());
  open.erase(std::unique(open.begin(), open.end()), open.end());
  std::erase_if(open, [this](const owned_object& each) {
    return has_been_asked_[each.first] || relations_[each.second].to_child.has_value();
  });
  for (const auto& [object, task] : open) has_been_asked_[object] = true;
  return open;
}

/// Who leads to an allocation of no known kind that owns a task? The nearest of them counts.
void owner_search::follow_allocations() {
  const auto& heap = scene_.heap;
  has_been_asked_.resize(heap.size());
  std::vector<bool> is_open(open_.empty() ? 0 : heap.size());
  for (std::uint32_t depth = 1; depth <= most_steps_outwards; ++depth) {
    const auto open = take_open();
    if (open.empty()) return;
    for (const auto& each : open) is_open[each.first] = true;
    const auto low = heap.extent(open.front().first).begin;
    // Objects of one segment are numbered by address, segments are not.
    auto first = low, last = low;
    for (const auto& each : open) {
      first = std::min(first, heap.extent(each.first).begin);
      last = std::max(last, heap.extent(each.first).end);
    }
    std::vector<std::pair<heap_map::object, std::uint64_t>> leads;
    each_word(scene_.image, [&](std::uint64_t address, std::uint64_t word, const unsigned char*) {
      if (word < first || word >= last) return;
      const auto object = heap.find(word);
      if (object == heap_map::none || !is_open[object] || word < heap.extent(object).begin) return;
      if (leads.size() >= leads_left_ || heap.find(address) == object || scene_.stacks.is_dead(address)) return;
      leads.emplace_back(object, address);
    });
    for (const auto& [object, address] : leads) {
      auto owned = std::lower_bound(open.begin(), open.end(), owned_object(object, 0));
      for (; owned != open.end() && owned->first == object && leads_left_ != 0; ++owned, --leads_left_)
        consider(owned->second, address, depth);
    }
    for (const auto& each : open) is_open[each.first] = false;
  }
}

/// Where allocations are not known: the handler of a task that somebody awaits leads to shortly before the owner.
void owner_search::follow_from_handlers() {
  if (loose_.empty()) return;
  std::sort(loose_.begin(), loose_.end());
  for (std::uint32_t child = 0; child < relations_.size(); ++child) {
    const auto& entry = scene_.scan.frames()[scene_.tasks[child].entry];
    const auto handler = entry.layout->promise + entry.layout->promise_size;
    const auto end = std::min(entry.layout->size, handler + largest_handler);
    for (auto offset = handler; offset + 8 <= end; offset += 8) {
      const auto word = scene_.image.word(entry.at + offset);
      const auto owner = std::lower_bound(loose_.begin(), loose_.end(), std::pair(word, std::uint32_t{0}));
      if (owner == loose_.end() || owner->first - word > largest_state || owner->second == child) continue;
      relations_[owner->second].to_child = 1;
      if (relations_[child].awaited_by == asio_operation::nobody) relations_[child].awaited_by = owner->second;
    }
  }
}

}  // namespace tasks::cli
