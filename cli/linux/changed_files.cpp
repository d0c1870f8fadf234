#include "linux/changed_files.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <limits>

#include "linux/proc.hpp"

namespace tasks::cli {
namespace {

/// By so much a clock may have been set forward since.
constexpr std::int64_t clock_error = 3600;
constexpr std::uint64_t not_known = std::numeric_limits<std::uint64_t>::max();

std::int64_t begin_of(pid_t pid) {
  const auto stat = read_stat(pid);
  return stat ? ::time(nullptr) - static_cast<std::int64_t>(uptime_of(stat->start_time)) - clock_error : 0;
}

}  // namespace

changed_files::changed_files(pid_t pid, const std::vector<memory_region>& regions)
    : pid_(living_thread(pid)), began_(begin_of(pid)) {
  for (const auto& region : regions)
    if (region.executable) known_[region.path] = 0;
}

std::uint64_t changed_files::bytes_in(const memory_region& region) {
  if (region.shared || region.inode == 0 || !region.path.starts_with('/')) return 0;
  const auto [known, is_new] = known_.try_emplace(region.path);
  if (is_new) known->second = size_if_changed(region);
  if (known->second <= region.offset) return 0;
  const auto rest = known->second - region.offset, whole = region.end - region.begin;
  return rest >= whole ? whole : (rest + page_size - 1) / page_size * page_size;
}

std::uint64_t changed_files::size_if_changed(const memory_region& region) const {
  struct stat file {};
  // The first of these is for few; by the other no file is found that was deleted.
  if (::stat(fmt::format("/proc/{}/map_files/{:x}-{:x}", pid_, region.begin, region.end).c_str(), &file) != 0 &&
      (region.path.ends_with(" (deleted)") ||
       ::stat(fmt::format("/proc/{}/root{}", pid_, region.path).c_str(), &file) != 0))
    return not_known;
  // Unlike the time of the last write nobody can set that of the last change.
  if (!S_ISREG(file.st_mode) || file.st_ctim.tv_sec < began_) return 0;
  return static_cast<std::uint64_t>(file.st_size);
}

}  // namespace tasks::cli
