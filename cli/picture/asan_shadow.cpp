#include "picture/asan_shadow.hpp"

#include <algorithm>
#include <iterator>

namespace tasks::cli {
namespace {

bool is_at(const memory_region& region, const range& place) {
  return region.begin == place.begin && region.end == place.end && region.path.empty();
}

constexpr std::uint64_t shadow_of(std::uint64_t address) {
  return address / asan_shadow::bytes_a_shadow_byte + asan_shadow::offset;
}

/// Memory of whole pages that holds that of sorted ranges; these may be neighbours.
std::vector<range> shadow_pages_of(const std::vector<range>& runs) {
  std::vector<range> pages;
  for (const auto& run : runs) {
    const auto begin = shadow_of(run.begin) / page_size * page_size;
    const auto end = (shadow_of(run.end - 1) / page_size + 1) * page_size;
    if (!pages.empty() && begin <= pages.back().end)
      pages.back().end = std::max(end, pages.back().end);
    else
      pages.push_back({begin, end});
  }
  return pages;
}

}  // namespace

bool has_asan_shadow(const std::vector<memory_region>& regions) {
  const auto has = [&](const range& place) {
    return std::any_of(regions.begin(), regions.end(), [&](const memory_region& each) { return is_at(each, place); });
  };
  return has(asan_shadow::low_shadow) && has(asan_shadow::gap) && has(asan_shadow::high_shadow);
}

bool is_asan_shadow(const memory_region& region) {
  return is_at(region, asan_shadow::low_shadow) || is_at(region, asan_shadow::gap) ||
         is_at(region, asan_shadow::high_shadow);
}

asan_shadow::asan_shadow(const memory& from, const std::vector<range>& runs) : copied_(shadow_pages_of(runs)) {
  std::uint64_t size = 0;
  for (const auto& each : copied_) size += each.end - each.begin;
  bytes_ = own_memory(size, false);
  if (bytes_.bytes() == nullptr) copied_.clear();
  std::uint64_t at = 0;
  // What cannot be read stays zeros, which poison nothing.
  for (const auto& each : copied_) {
    static_cast<void>(from.read(each.begin, bytes_.bytes() + at, each.end - each.begin));
    at_.push_back(at);
    at += each.end - each.begin;
  }
}

bool asan_shadow::is_poisoned(std::uint64_t address) const noexcept {
  const auto shadow = shadow_of(address);
  const auto after = std::upper_bound(copied_.begin(), copied_.end(), shadow,
                                      [](std::uint64_t at, const range& each) { return at < each.begin; });
  if (after == copied_.begin() || !std::prev(after)->contains(shadow)) return false;
  const auto i = static_cast<std::size_t>(std::prev(after) - copied_.begin());
  const auto first_good = bytes_.bytes()[at_[i] + (shadow - copied_[i].begin)];
  // Less than eight: so many bytes from the first one on may be touched.
  return first_good >= bytes_a_shadow_byte;
}

}  // namespace tasks::cli
