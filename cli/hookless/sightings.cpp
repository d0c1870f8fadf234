#include "hookless/sightings.hpp"

#include <algorithm>
#include <utility>

namespace tasks::cli {

void sightings::begin(pid_t pid, std::uint64_t start_time, std::uint64_t now_ms) {
  if (pid != pid_ || start_time != start_time_) before_.clear();
  pid_ = pid;
  start_time_ = start_time;
  now_ms_ = now_ms;
  seen_.clear();
}

std::uint64_t sightings::see(std::uint64_t id, std::uint64_t version) {
  const auto known = std::ranges::lower_bound(before_, id, {}, &sight::id);
  const bool is_same = known != before_.end() && known->id == id && known->version == version;
  return seen_.emplace_back(sight{id, version, is_same ? known->since_ms : now_ms_}).since_ms;
}

void sightings::end() {
  std::ranges::sort(seen_, {}, &sight::id);
  before_ = std::move(seen_);
  seen_ = {};
}

}  // namespace tasks::cli
