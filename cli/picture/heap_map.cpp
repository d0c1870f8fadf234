#include "picture/heap_map.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace tasks::cli {
namespace {

constexpr std::uint64_t unit = 16;
constexpr std::uint64_t page_units = 4096 / unit;
constexpr unsigned granule_bits = 26;
constexpr std::size_t granules = std::size_t{1} << (48 - granule_bits);

}  // namespace

void heap_map::add_segment(range chunks, std::vector<std::uint32_t> starts, const std::vector<bool>& free) {
  segment s{chunks, static_cast<object>(free_.size()), std::move(starts), {}};
  free_.insert(free_.end(), free.begin(), free.end());
  const auto units = (chunks.end - chunks.begin) / unit;
  s.pages.reserve(units / page_units + 1);
  std::uint32_t index = 0;
  for (std::uint64_t at = 0; at < units; at += page_units) {
    while (index + 1 < s.starts.size() && s.starts[index + 1] <= at) ++index;
    s.pages.push_back(index);
  }
  segments_.push_back(std::move(s));
}

bool heap_map::seal() {
  std::sort(segments_.begin(), segments_.end(),
            [](const segment& a, const segment& b) { return a.chunks.begin < b.chunks.begin; });
  by_object_.resize(segments_.size());
  std::iota(by_object_.begin(), by_object_.end(), 0u);
  std::sort(by_object_.begin(), by_object_.end(),
            [this](auto a, auto b) { return segments_[a].first < segments_[b].first; });
  granules_.assign(granules, static_cast<std::uint32_t>(segments_.size()));
  for (std::size_t i = segments_.size(); i-- > 0;) {
    const auto& chunks = segments_[i].chunks;
    for (auto g = chunks.begin >> granule_bits; g <= (chunks.end - 1) >> granule_bits && g < granules; ++g)
      granules_[g] = static_cast<std::uint32_t>(i);
  }
  // The upper half is how the mark tells roots from objects.
  return free_.size() < none / 2;
}

const heap_map::segment* heap_map::segment_of(std::uint64_t address) const noexcept {
  const auto granule = address >> granule_bits;
  if (granule >= granules_.size()) return nullptr;
  for (auto i = granules_[granule]; i < segments_.size() && segments_[i].chunks.begin <= address; ++i)
    if (segments_[i].chunks.contains(address)) return &segments_[i];
  return nullptr;
}

heap_map::object heap_map::find(std::uint64_t address) const noexcept {
  // The header belongs to the object before it: see the top.
  const auto chunk = address - header;
  const auto* s = segment_of(chunk);
  if (s == nullptr) return none;
  const auto at = static_cast<std::uint32_t>((chunk - s->chunks.begin) / unit);
  const auto page = at / page_units;
  const auto first = s->starts.begin() + s->pages[page];
  const auto last = page + 1 < s->pages.size() ? s->starts.begin() + s->pages[page + 1] + 1 : s->starts.end();
  const auto after = std::upper_bound(first, last, at);
  return s->first + static_cast<object>(after - s->starts.begin()) - 1;
}

range heap_map::extent(object o) const noexcept {
  const auto after = std::upper_bound(by_object_.begin(), by_object_.end(), o,
                                      [this](object value, auto i) { return value < segments_[i].first; });
  const auto* s = &segments_[*std::prev(after)];
  const auto index = o - s->first;
  const auto begin = s->chunks.begin + s->starts[index] * unit + header;
  const bool last = index + 1 == s->starts.size();
  const auto next = last ? s->chunks.end : s->chunks.begin + s->starts[index + 1] * unit;
  // The word in front of the next header's size belongs to this object; a mapped chunk has nothing behind it.
  return {begin, last ? next : next + 8};
}

heap_map::object heap_map::at_header(std::uint64_t address) const noexcept {
  const auto o = find(address + header);
  return o != none && extent(o).begin == address + header ? o : none;
}

std::vector<range> heap_map::segments() const {
  std::vector<range> found;
  for (const auto& each : segments_) found.push_back(each.chunks);
  return found;
}

}  // namespace tasks::cli
