#include "surveys/resident.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace tasks::cli {

std::vector<resident_sum> sum_up_mappings(const std::vector<resident_region>& regions, const std::vector<range>& heaps,
                                          const std::vector<std::uint64_t>& stack_pointers) {
  using kind = resident_sum::kind;
  const auto holds_heap = [&](const memory_region& region) {
    const auto after = std::lower_bound(heaps.begin(), heaps.end(), region.begin,
                                        [](const range& heap, std::uint64_t at) { return heap.end <= at; });
    return after != heaps.end() && after->begin < region.end;
  };
  const auto holds_stack = [&](const memory_region& region) {
    return std::any_of(stack_pointers.begin(), stack_pointers.end(),
                       [&](std::uint64_t at) { return at >= region.begin && at < region.end; });
  };
  std::map<std::pair<kind, std::string>, resident_sum> sums;
  const memory_region* before = nullptr;  // of a file, writable: zeros of the same object's follow it
  for (const auto& [region, resident, swapped] : regions) {
    auto is = kind::anonymous;
    std::string path;
    const bool is_nameless = region.path.empty() || region.path.starts_with("[anon");
    if (region.path.starts_with('/')) {
      is = kind::file, path = region.path;
    } else if (region.path == "[heap]" || (is_nameless && holds_heap(region))) {
      is = kind::heap;
    } else if (region.path.starts_with("[stack") || (is_nameless && holds_stack(region))) {
      is = kind::stacks;
    } else if (is_nameless && before != nullptr && before->end == region.begin && region.writable) {
      is = kind::file, path = before->path;
    } else if (!is_nameless) {
      is = kind::other, path = region.path;
    }
    before = region.path.starts_with('/') && region.writable && !region.shared ? &region : nullptr;
    auto& sum = sums[{is, path}];
    sum.is = is;
    sum.path = path;
    ++sum.mappings;
    sum.bytes += region.end - region.begin;
    sum.resident_bytes += resident;
    sum.swapped_bytes += swapped;
  }
  std::vector<resident_sum> all;
  for (auto& [key, sum] : sums) all.push_back(std::move(sum));
  std::stable_sort(all.begin(), all.end(), [](const resident_sum& a, const resident_sum& b) {
    return std::tuple(a.resident_bytes, a.bytes) > std::tuple(b.resident_bytes, b.bytes);
  });
  return all;
}

}  // namespace tasks::cli
