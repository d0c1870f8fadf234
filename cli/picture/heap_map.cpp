#include "picture/heap_map.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

namespace tasks::cli {
namespace {

constexpr std::uint64_t unit = 16;
constexpr std::uint64_t block_units = 64;
constexpr unsigned granule_bits = 26;
constexpr std::uint64_t most_granules = std::uint64_t{1} << (48 - granule_bits);

}  // namespace

void heap_map::add_segment(range chunks, std::vector<std::uint32_t> starts, const std::vector<bool>& free) {
  segment s{chunks, static_cast<object>(free_.size()), std::move(starts), {}};
  free_.insert(free_.end(), free.begin(), free.end());
  const auto units = (chunks.end - chunks.begin) / unit;
  s.blocks.resize((units + block_units - 1) / block_units);
  for (const auto start : s.starts) s.blocks[start / block_units].starts |= std::uint64_t{1} << start % block_units;
  std::uint32_t before = 0;
  for (auto& each : s.blocks) {
    each.before = before;
    before += static_cast<std::uint32_t>(std::popcount(each.starts));
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
  if (segments_.empty()) return true;
  first_granule_ = segments_.front().chunks.begin >> granule_bits;
  const auto last = (segments_.back().chunks.end - 1) >> granule_bits;
  granules_.assign(std::min(last - first_granule_ + 1, most_granules), static_cast<std::uint32_t>(segments_.size()));
  for (std::size_t i = segments_.size(); i-- > 0;) {
    const auto& chunks = segments_[i].chunks;
    for (auto g = chunks.begin >> granule_bits;
         g <= (chunks.end - 1) >> granule_bits && g - first_granule_ < most_granules; ++g)
      granules_[g - first_granule_] = static_cast<std::uint32_t>(i);
  }
  // The upper half is how the mark tells roots from objects.
  return free_.size() < none / 2;
}

const heap_map::segment* heap_map::segment_of(std::uint64_t address) const noexcept {
  // Of an address below the first one it wraps round to a large number.
  const auto granule = (address >> granule_bits) - first_granule_;
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
  const auto& its = s->blocks[at / block_units];
  const auto up_to_it = its.starts << (block_units - 1 - at % block_units);
  return s->first + its.before + static_cast<object>(std::popcount(up_to_it)) - 1;
}

const heap_map::segment& heap_map::segment_with(object o) const noexcept {
  const auto after = std::upper_bound(by_object_.begin(), by_object_.end(), o,
                                      [this](object value, auto i) { return value < segments_[i].first; });
  return segments_[*std::prev(after)];
}

range heap_map::chunk_in(const segment& s, std::size_t index) noexcept {
  const bool last = index + 1 == s.starts.size();
  return {s.chunks.begin + s.starts[index] * unit, last ? s.chunks.end : s.chunks.begin + s.starts[index + 1] * unit};
}

range heap_map::extent(object o) const noexcept {
  const auto& s = segment_with(o);
  const auto its = chunk_in(s, o - s.first);
  // The word in front of the next header's size belongs to this object; a mapped chunk has nothing behind it.
  return {its.begin + header, its.end == s.chunks.end ? its.end : its.end + 8};
}

range heap_map::chunk(object o) const noexcept {
  const auto& s = segment_with(o);
  return chunk_in(s, o - s.first);
}

void heap_map::each(const std::function<void(object, range)>& visit) const {
  for (const auto& s : segments_)
    for (std::size_t i = 0; i < s.starts.size(); ++i) visit(s.first + static_cast<object>(i), chunk_in(s, i));
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
