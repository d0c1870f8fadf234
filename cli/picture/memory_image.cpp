#include "picture/memory_image.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <future>
#include <string_view>
#include <utility>

namespace tasks::cli {
namespace {

/// More of it counts as unreadable: reading what was never touched would make the kernel fill it.
constexpr std::uint64_t most_shared_memory = std::uint64_t{256} << 20;

/// The kernel's own, which hold nothing of the program's.
bool is_kernels(const memory_region& region) {
  return region.path.starts_with("[vvar") || region.path == "[vdso]" || region.path == "[vsyscall]";
}

/// Shared memory without a file on a disk, or a private view of it.
bool is_shared_memory(const memory_region& region) {
  const std::string_view path = region.path;
  return path.starts_with("/memfd:") || path.starts_with("/dev/shm/") || path.starts_with("/dev/zero") ||
         path.starts_with("/SYSV") || (region.shared && path.empty());
}

bool continues(const memory_area& area, const memory_region& region) {
  return area.end == region.begin && area.path == region.path && !area.shared && !region.shared &&
         area.writable == region.writable;
}

/// How much of it was read. Of a process that stands still for it several threads read: one alone does not use all of
/// the memory's bandwidth, and where others keep the processors busy several get more of them.
std::uint64_t read_by_several(const memory& from, const range& wanted, unsigned char* to) {
  constexpr std::uint64_t much = std::uint64_t{16} << 20, piece = std::uint64_t{4} << 20;
  constexpr std::size_t readers = 4;
  const auto size = wanted.end - wanted.begin;
  if (from.is_still() || size < much) return from.read(wanted.begin, to, size);
  // Each piece is one reader's: relaxed, what they read is seen when they have ended.
  std::atomic<std::uint64_t> next{0};
  const auto read_some = [&] {
    for (auto at = next.fetch_add(piece, std::memory_order_relaxed); at < size;
         at = next.fetch_add(piece, std::memory_order_relaxed)) {
      const auto part = std::min(piece, size - at);
      if (const auto got = from.read(wanted.begin + at, to + at, part); got < part) return at + got;
    }
    return size;
  };
  std::array<std::future<std::uint64_t>, readers - 1> others;
  for (auto& each : others) each = std::async(std::launch::async, read_some);
  auto got = read_some();
  for (auto& each : others) got = std::min(got, each.get());
  return got;
}

}  // namespace

memory_image::memory_image(const memory& from, const page_filter& pages, own_memory room, const written_part& written)
    : room_(std::move(room)) {
  regions_ = from.regions();
  std::vector<range> found;
  std::uint64_t shared_memory = 0;
  const bool has_shadow = has_asan_shadow(regions_);
  for (std::size_t i = 0; i < regions_.size();) {
    const auto& first = regions_[i];
    memory_area area{{first.begin, first.end}, first.path, first.writable, first.shared, {}, nullptr, first.readable};
    found.clear();
    bool must = false;
    do {
      const auto& region = regions_[i++];
      area.end = region.end;
      if (is_kernels(region) || (has_shadow && is_asan_shadow(region))) continue;
      if (!region.readable) {
        // Guards and reserves hold no pages; what was made unreadable after it was filled does.
        std::vector<range> filled;
        if (region.writable || region.shared || (pages && pages(region, filled) && !filled.empty()))
          unreadable_.push_back({region.begin, region.end});
        continue;
      }
      // Another mapping of the same memory may have filled what this one has not touched, or does not see any more.
      const auto of_file = written && !region.shared ? written(region) : 0;
      const bool all = region.shared || is_shared_memory(region) || of_file != 0;
      const auto size = of_file != 0 ? of_file : region.end - region.begin;
      if (all && (shared_memory += size) > most_shared_memory) {
        unreadable_.push_back({region.begin, region.end});
        continue;
      }
      const bool known = !all && (pages ? pages(region, found) : from.find_used(region, found));
      if (!known) found.push_back({region.begin, region.begin + size});
      // What a core lacks of a mapping that cannot be written is what the file says.
      must = must || known || region.writable || region.path.empty();
    } while (i < regions_.size() && regions_[i].readable && first.readable && continues(area, regions_[i]));
    areas_.push_back(area);
    copy(from, areas_.back(), found, must);
  }
  if (has_shadow) shadow_ = asan_shadow(from, runs_);
}

/// For an area of which so much is used.
unsigned char* memory_image::take_room(std::size_t size, std::uint64_t used) {
  if (size <= room_.size() - room_used_ && size / 2 <= used) {
    auto* taken = room_.bytes() + room_used_;
    room_used_ += size;
    return taken;
  }
  auto& made = more_room_.emplace_back(size, false);
  if (size / 2 > used) made.use_small_pages();
  return made.bytes();
}

void memory_image::copy(const memory& from, memory_area& area, const std::vector<range>& pages, bool must) {
  if (pages.empty()) return;
  const range whole{pages.front().begin, pages.back().end};
  const auto size = whole.end - whole.begin;
  std::uint64_t used = 0;
  for (const auto& each : pages) used += each.end - each.begin;
  auto* bytes = take_room(size, used);
  if (bytes == nullptr) {
    unreadable_.push_back(whole);
    return;
  }
  area.copied = whole;
  area.bytes = bytes;
  for (const auto& each : pages) {
    const auto got = read_by_several(from, each, area.bytes + (each.begin - whole.begin));
    const auto end = each.begin + got / page_size * page_size;
    bytes_ += end - each.begin;
    if (end != each.begin) {
      if (each.begin != whole.begin && !runs_.empty() && runs_.back().end == each.begin)
        runs_.back().end = end;
      else
        runs_.push_back({each.begin, end});
    }
    if (end != each.end && must) unreadable_.push_back({end, each.end});
  }
}

const memory_area* memory_image::area_of(std::uint64_t address) const noexcept {
  const auto after = std::upper_bound(areas_.begin(), areas_.end(), address,
                                      [](std::uint64_t a, const memory_area& area) { return a < area.begin; });
  if (after == areas_.begin() || !std::prev(after)->contains(address)) return nullptr;
  return &*std::prev(after);
}

const unsigned char* memory_image::at(std::uint64_t address, std::size_t size) const noexcept {
  const auto* area = area_of(address);
  if (area == nullptr || address < area->copied.begin || address >= area->copied.end ||
      size > area->copied.end - address)
    return nullptr;
  return area->bytes + (address - area->copied.begin);
}

std::size_t memory_image::read(std::uint64_t address, void* to, std::size_t size) const {
  auto* out = static_cast<unsigned char*>(to);
  std::size_t done = 0;
  while (done < size) {
    const auto* area = area_of(address + done);
    // Pages of anonymous memory that were never touched are zeros; those of files are not known.
    const bool zeros = area != nullptr && area->readable && area->is_anonymous();
    if (area == nullptr || (area->copied.begin == area->copied.end && !zeros)) break;
    const auto here = address + done;
    const auto n = std::min<std::uint64_t>(size - done, area->end - here);
    if (!zeros && (here < area->copied.begin || here + n > area->copied.end)) {
      if (!area->copied.contains(here)) break;
      const auto part = area->copied.end - here;
      std::memcpy(out + done, area->bytes + (here - area->copied.begin), part);
      return done + part;
    }
    std::memset(out + done, 0, n);
    const auto from = std::max(here, area->copied.begin), end = std::min(here + n, area->copied.end);
    if (from < end) std::memcpy(out + done + (from - here), area->bytes + (from - area->copied.begin), end - from);
    done += n;
  }
  return done;
}

bool memory_image::find_used(const memory_region& region, std::vector<range>& used) const {
  const auto* area = area_of(region.begin);
  if (area == nullptr || !area->is_anonymous()) return false;
  auto run = std::upper_bound(runs_.begin(), runs_.end(), region.begin,
                              [](std::uint64_t at, const range& each) { return at < each.end; });
  for (; run != runs_.end() && run->begin < region.end; ++run)
    used.push_back({std::max(run->begin, region.begin), std::min(run->end, region.end)});
  return true;
}

std::uint64_t memory_image::word(std::uint64_t address) const noexcept {
  std::uint64_t value = 0;
  if (const auto* from = at(address, sizeof value)) std::memcpy(&value, from, sizeof value);
  return value;
}

void memory_image::prefetch(std::uint64_t address) const noexcept {
  if (const auto* bytes = at(address, 1)) __builtin_prefetch(bytes);
}

void memory_image::erase(std::uint64_t address, std::uint64_t kept) noexcept {
  const auto* area = area_of(address);
  if (area == nullptr || at(address, sizeof address) == nullptr) return;
  auto* bytes = area->bytes + (address - area->copied.begin);
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  if (remembers_ && (word & ~kept) != 0) erased_.push_back({address, word});
  word &= kept;
  std::memcpy(bytes, &word, sizeof word);
}

std::size_t memory_image::read_original(std::uint64_t address, void* to, std::size_t size) const {
  const auto done = read(address, to, size);
  const auto by_address = [](const erased_word& a, const erased_word& b) { return a.address < b.address; };
  if (sorted_ != erased_.size()) {
    std::stable_sort(erased_.begin(), erased_.end(), by_address);
    erased_.erase(std::unique(erased_.begin(), erased_.end(),
                              [](const erased_word& a, const erased_word& b) { return a.address == b.address; }),
                  erased_.end());
    sorted_ = erased_.size();
  }
  constexpr std::uint64_t word_size = sizeof(std::uint64_t);
  const auto first = address - std::min(address, word_size - 1);
  for (auto at = std::lower_bound(erased_.begin(), erased_.end(), erased_word{first, 0}, by_address);
       at != erased_.end() && at->address < address + done; ++at) {
    const auto begin = std::max(at->address, address), end = std::min(at->address + word_size, address + done);
    std::memcpy(static_cast<unsigned char*>(to) + (begin - address),
                reinterpret_cast<const unsigned char*>(&at->word) + (begin - at->address), end - begin);
  }
  return done;
}

void memory_image::erase(range whole) noexcept {
  constexpr std::uint64_t word_size = sizeof(std::uint64_t);
  const auto begin = (whole.begin + word_size - 1) / word_size * word_size;
  for (auto at = begin; at + word_size <= whole.end; at += word_size) erase(at);
}

bool memory_image::add(std::uint64_t address, own_memory pages, const std::string& name) {
  const range whole{address, address + pages.size()};
  const auto after = std::lower_bound(areas_.begin(), areas_.end(), address,
                                      [](const memory_area& area, std::uint64_t a) { return area.begin < a; });
  if (pages.size() == 0 || whole.end < whole.begin || (after != areas_.end() && after->begin < whole.end) ||
      (after != areas_.begin() && std::prev(after)->end > whole.begin))
    return false;
  areas_.insert(after, memory_area{whole, name, false, false, whole, pages.bytes(), true});
  const auto by_begin = [](const auto& each, std::uint64_t a) { return each.begin < a; };
  runs_.insert(std::lower_bound(runs_.begin(), runs_.end(), address, by_begin), whole);
  memory_region region;
  region.begin = whole.begin;
  region.end = whole.end;
  region.readable = true;
  region.path = name;
  regions_.insert(std::lower_bound(regions_.begin(), regions_.end(), address, by_begin), std::move(region));
  bytes_ += pages.size();
  more_room_.push_back(std::move(pages));
  return true;
}

void memory_image::forget(range pages) noexcept {
  const auto* area = area_of(pages.begin);
  if (area == nullptr) return;
  const auto& copied = area->copied;
  const auto begin = std::max((pages.begin + page_size - 1) / page_size * page_size, copied.begin);
  const auto end = std::min(pages.end / page_size * page_size, copied.end);
  if (begin < end) give_back(area->bytes + (begin - copied.begin), end - begin);
}

void memory_image::forget_spare_room() noexcept {
  if (room_used_ < room_.size()) give_back(room_.bytes() + room_used_, room_.size() - room_used_);
}

void unite(std::vector<range>& ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const range& a, const range& b) { return a.begin < b.begin; });
  std::size_t kept = 0;
  for (const auto& each : ranges) {
    if (kept != 0 && each.begin <= ranges[kept - 1].end)
      ranges[kept - 1].end = std::max(ranges[kept - 1].end, each.end);
    else
      ranges[kept++] = each;
  }
  ranges.resize(kept);
}

}  // namespace tasks::cli
