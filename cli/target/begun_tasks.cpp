#include "target/begun_tasks.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "tasks/detail/layout.hpp"

namespace tasks::cli {
namespace {

/// Samples are taken for some milliseconds before they are looked at.
constexpr std::size_t most_looks = 16;

/// Registries number their tasks from different places on, which these bits tell apart (agent/src/registry).
constexpr unsigned registry_bit = 40;

std::uint64_t word_of_slot(const unsigned char* slot, std::size_t at) {
  std::uint64_t value = 0;
  std::memcpy(&value, slot + at, sizeof value);
  return value;
}

}  // namespace

begun_tasks::begun_tasks(const memory& bytes, const std::vector<root_copy>& roots) : bytes_(bytes) {
  for (const auto& root : roots)
    if (root.layout == layout::version && root.records != 0) registries_.push_back(root.records);
}

void begun_tasks::look() {
  using layout::thread_slot;
  look_taken taken;
  for (const auto registry : registries_) {
    // First: who takes ids later takes higher ones.
    const auto next = bytes_.get<std::uint64_t>(registry + offsetof(layout::registry, next_id));
    const auto threads = bytes_.get<std::uint64_t>(registry + offsetof(layout::registry, threads));
    if (!next || !threads) return;
    slots_.resize(std::min<std::uint64_t>(*threads, layout::max_threads) * sizeof(thread_slot));
    if (bytes_.read(registry + offsetof(layout::registry, slots), slots_.data(), slots_.size()) != slots_.size())
      return;
    taken.handed_out.push_back(*next);
    for (std::size_t at = 0; at < slots_.size(); at += sizeof(thread_slot)) {
      const auto* slot = slots_.data() + at;
      const ids unused{word_of_slot(slot, offsetof(thread_slot, id_next)),
                       word_of_slot(slot, offsetof(thread_slot, id_end))};
      if (unused.begin < unused.end) taken.unused.push_back(unused);
    }
  }
  taken.at = std::chrono::steady_clock::now();
  looks_.push_front(std::move(taken));
  if (looks_.size() > most_looks) looks_.pop_back();
}

bool begun_tasks::had_begun(std::uint64_t id, time_point when) const {
  const auto look = std::find_if(looks_.begin(), looks_.end(), [when](const auto& each) { return each.at < when; });
  if (look == looks_.end()) return false;
  const bool is_handed_out = std::any_of(look->handed_out.begin(), look->handed_out.end(), [id](std::uint64_t next) {
    return id >> registry_bit == next >> registry_bit && id < next;
  });
  return is_handed_out && std::none_of(look->unused.begin(), look->unused.end(),
                                       [id](const ids& each) { return id >= each.begin && id < each.end; });
}

}  // namespace tasks::cli
