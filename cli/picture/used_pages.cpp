#include "picture/used_pages.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <string_view>

#include "linux/kernel_pages.hpp"

namespace tasks::cli {
namespace {

/// Of less every page is asked about: 2 MiB of pagemap.
constexpr std::uint64_t least_large = std::uint64_t{1} << 30;

/// linux/fs.h since Linux 6.7; see Documentation/admin-guide/mm/pagemap.rst.
struct found_region {
  std::uint64_t start, end, categories;
};
struct scan_argument {
  std::uint64_t size, flags, start, end, walk_end, regions, most_regions, most_pages;
  std::uint64_t inverted, all_of, any_of, returned;
};
constexpr unsigned long scan_request = _IOWR('f', 16, scan_argument);
constexpr std::uint64_t category_present = 1 << 3, category_swapped = 1 << 4;

void append(std::vector<range>& to, std::size_t from, range pages) {
  if (to.size() > from && to.back().end == pages.begin)
    to.back().end = pages.end;
  else
    to.push_back(pages);
}

}  // namespace

used_pages::used_pages(pid_t pid, ask by)
    : pid_(living_thread(pid)),
      pagemap_(::open(fmt::format("/proc/{}/pagemap", pid_).c_str(), O_RDONLY | O_CLOEXEC)),
      may_scan_(by == ask::all) {}

bool used_pages::operator()(const memory_region& region, std::vector<range>& pages) const {
  if (!pagemap_) return false;
  std::vector<range> used;
  if (!sieve(region, used)) used.assign(1, {region.begin, region.end});
  const auto before = pages.size();
  for (const auto& each : used) {
    if (ask_each(each, region.shared, pages)) continue;
    pages.resize(before);
    return false;
  }
  return true;
}

std::uint64_t used_pages::to_ask(const std::vector<memory_region>& regions) const {
  std::uint64_t bytes = 0;
  std::vector<range> used;
  for (const auto& region : regions) {
    used.clear();
    if (!sieve(region, used)) used.assign(1, {region.begin, region.end});
    for (const auto& each : used) bytes += each.end - each.begin;
  }
  return bytes;
}

/// Where all that is used of a region lies. False: not known.
bool used_pages::sieve(const memory_region& region, std::vector<range>& used) const {
  if (region.end - region.begin < least_large) return false;
  return (may_scan_ && scan(region, used)) || is_empty(region);
}

bool used_pages::scan(const memory_region& region, std::vector<range>& used) const {
  std::array<found_region, 512> found;
  scan_argument argument{};
  argument.size = sizeof argument;
  argument.end = region.end;
  argument.regions = reinterpret_cast<std::uintptr_t>(found.data());
  argument.most_regions = found.size();
  argument.any_of = argument.returned = category_present | category_swapped;
  const auto before = used.size();
  for (argument.start = region.begin; argument.start < region.end; argument.start = argument.walk_end) {
    const auto n = ::ioctl(pagemap_.get(), scan_request, &argument);
    if (n < 0 && errno == EINTR) {
      argument.walk_end = argument.start;
      continue;
    }
    if (n < 0 || argument.walk_end <= argument.start) {
      may_scan_ = false;
      used.resize(before);
      return false;
    }
    for (int i = 0; i < n; ++i)
      append(used, before, {found[static_cast<std::size_t>(i)].start, found[static_cast<std::size_t>(i)].end});
  }
  return true;
}

/// Devices' memory is in no count of smaps.
bool used_pages::is_empty(const memory_region& region) const {
  if (region.shared || !region.path.empty()) return false;
  if (!has_read_empty_) empty_ = empty_mappings(read_file(fmt::format("/proc/{}/smaps", pid_).c_str()).value_or(""));
  has_read_empty_ = true;
  const auto found = std::lower_bound(empty_.begin(), empty_.end(), region.begin,
                                      [](const range& each, std::uint64_t at) { return each.begin < at; });
  return found != empty_.end() && *found == range{region.begin, region.end};
}

/// Adds those that hold anything, of [begin, end) of one region. False: not known.
bool used_pages::ask_each(range of, bool shared, std::vector<range>& pages) const {
  constexpr std::uint64_t present = std::uint64_t{1} << 63, swapped = std::uint64_t{1} << 62,
                          file_or_shared = std::uint64_t{1} << 61, guard = std::uint64_t{1} << 58;
  const auto before = pages.size();
  const auto page = kernel_page_size();
  std::vector<std::uint64_t> entries(std::min<std::uint64_t>(65536, (of.end - of.begin) / page));
  for (auto at = of.begin; at < of.end;) {
    const auto want = std::min<std::uint64_t>(entries.size(), (of.end - at) / page);
    const auto got = ::pread(pagemap_.get(), entries.data(), want * 8, static_cast<off_t>(at / page * 8));
    if (got < 8) return false;
    for (std::size_t i = 0; i < static_cast<std::size_t>(got) / 8; ++i, at += page) {
      const auto entry = entries[i];
      // A guard page (MADV_GUARD_INSTALL) holds nothing and cannot be read.
      if ((entry & (present | swapped)) == 0 || (entry & guard) != 0 || (!shared && (entry & file_or_shared) != 0))
        continue;
      append(pages, before, {at, at + page});
    }
  }
  return true;
}

std::vector<range> empty_mappings(std::string_view smaps) {
  std::vector<range> empty;
  range mapping;
  bool is_used = true;
  const auto finish = [&] {
    if (!is_used) empty.push_back(mapping);
  };
  while (!smaps.empty()) {
    const auto end = std::min(smaps.find('\n'), smaps.size());
    const auto line = smaps.substr(0, end);
    smaps.remove_prefix(std::min(end + 1, smaps.size()));
    const auto region = parse_maps(line);
    if (!region.empty()) {
      finish();
      mapping = {region.front().begin, region.front().end};
      is_used = true;  // unless it says otherwise
      continue;
    }
    for (const std::string_view count : {"Rss:", "Swap:", "Shared_Hugetlb:", "Private_Hugetlb:"}) {
      if (!line.starts_with(count)) continue;
      const auto number = line.find_first_not_of(' ', count.size());
      const bool is_some = number == line.npos || line[number] != '0';
      is_used = count == "Rss:" ? is_some : is_used || is_some;
    }
  }
  finish();
  return empty;
}

page_filter pages_of(pid_t pid) {
  return [its = std::make_shared<used_pages>(pid)](const memory_region& region, std::vector<range>& pages) {
    return (*its)(region, pages);
  };
}

}  // namespace tasks::cli
