#include "picture/unset_results.hpp"

#include <algorithm>
#include <cstdint>

#include "picture/reused_memory.hpp"
#include "symbols/executor_tables.hpp"
#include "symbols/group_states.hpp"

namespace tasks::cli {
namespace {

constexpr std::uint64_t word_size = sizeof(std::uint64_t);

std::uint32_t number_at(const memory_image& image, std::uint64_t address) {
  return static_cast<std::uint32_t>(image.word(address / word_size * word_size) >> address % word_size * 8);
}

bool is_set(const memory_image& image, std::uint64_t address) {
  const auto* byte = image.at(address, 1);
  return byte == nullptr || *byte != 0;
}

/// The last owner makes the count zero before the memory is given back: what is left of another one has none.
bool is_owned(const memory_image& image, std::uint64_t state, const group_state_layout& layout) {
  return number_at(image, state + layout.owners) != 0;
}

/// As many results are there as operations have completed, and all others are to come: none is half there.
bool is_between_operations(const memory_image& image, std::uint64_t state, const group_state_layout& layout) {
  const auto completed = number_at(image, state + layout.completed);
  const auto outstanding = number_at(image, state + layout.outstanding);
  const auto set = std::count_if(layout.results.begin(), layout.results.end(),
                                 [&](const auto& each) { return is_set(image, state + each.has_value); });
  return static_cast<std::uint64_t>(set) == completed &&
         std::uint64_t{completed} + outstanding == layout.results.size();
}

}  // namespace

void erase_unset_results(memory_image& image, const heap_map& heap, modules& code) {
  const auto layouts = group_states_of(code);
  if (layouts.empty()) return;
  executor_tables executors(code);
  const auto first = layouts.front().table, last = layouts.back().table;
  const auto least = std::min_element(layouts.begin(), layouts.end(), [](const auto& a, const auto& b) {
                       return a.size < b.size;
                     })->size;
  heap.each([&](heap_map::object o, range) {
    const auto its = heap.extent(o);
    if (its.end - its.begin < least) return;
    const auto table = image.word(its.begin);
    if (table < first || table > last || heap.is_free(o)) return;
    const auto layout = std::lower_bound(layouts.begin(), layouts.end(), table,
                                         [](const auto& each, std::uint64_t of) { return each.table < of; });
    if (layout->table != table || !was_allocated_for(image, its, layout->size) || !is_owned(image, its.begin, *layout))
      return;
    for (const auto& each : layout->executors)
      if (const auto used = executors.room_used(image.word(its.begin + each.functions)))
        image.erase(range{its.begin + std::min(each.room.begin + *used, each.room.end), its.begin + each.room.end});
    for (const auto& each : layout->padded) image.erase(its.begin + each.at, each.kept);
    if (!is_between_operations(image, its.begin, *layout)) return;
    const auto over = number_at(image, its.begin + layout->completed) * word_size;
    image.erase(
        range{its.begin + std::min(layout->order.begin + over, layout->order.end), its.begin + layout->order.end});
    erase_behind(image, heap, its.begin, layout->size);
    for (const auto& each : layout->results)
      if (!is_set(image, its.begin + each.has_value))
        image.erase(range{its.begin + each.value, its.begin + each.value + each.size});
  });
}

}  // namespace tasks::cli
