#include "reports/shown_groups.hpp"

#include <algorithm>
#include <span>
#include <unordered_map>
#include <utility>

#include "reports/text.hpp"

namespace tasks::detail {
namespace {

/// Frames and spawn site.
std::string stack_of(const stack_group& group, std::span<const std::uint64_t> frames, frame_names& names,
                     spawn_sites& sites) {
  std::string text;
  for (auto at = frames.rbegin(); at != frames.rend(); ++at) {
    const auto& frame = names.find(*at);
    const auto& name = frame.address != 0 ? sites.symbol(frame.address).function : frame.function;
    const bool plumbing = *at == 0 || frame.plumbing || (frame.address != 0 && sites.symbol(frame.address).plumbing);
    if (!plumbing) text += (name.empty() ? "?" : name) + "\n\t" + frame.place + "\n";
  }
  if (group.state != task_state::ready)
    if (const auto operation = names.operation_of(frames); !operation.empty()) text += operation + "\n";
  const auto site = sites.find(group.spawn_path, group.spawn_where, group.spawn_outer);
  if (!site.function.empty()) text += "spawned by " + site.function + "\n";
  if (!site.line.empty()) text += (site.exact ? "\t" : "\tafter ") + site.line + "\n";
  return text;
}

}  // namespace

shown_groups show_groups(stack_groups& groups, frame_names& names, spawn_sites& sites, std::size_t most) {
  shown_groups all;
  std::unordered_map<std::string, std::size_t> known;
  std::size_t looked_at = 0;
  for (const auto& group : groups.sort()) {
    if (looked_at++ >= most) {
      all.left_out += group.count;
      continue;
    }
    std::string state(state_name(group.state, group.kind));
    auto stack = stack_of(group, groups.frames(group), names, sites);
    const auto [at, is_new] = known.try_emplace(state + '\n' + stack, all.groups.size());
    if (is_new) all.groups.push_back({std::move(state), std::move(stack), 0, {}});
    auto& to = all.groups[at->second];
    to.count += group.count;
    for (std::size_t i = 0; i < group.id_count; ++i) to.oldest.push_back({group.ids[i], group.ages[i]});
    std::stable_sort(to.oldest.begin(), to.oldest.end(), [](const auto& a, const auto& b) { return a.age > b.age; });
    to.oldest.resize(std::min(to.oldest.size(), stack_group::most_ids));
  }
  std::stable_sort(all.groups.begin(), all.groups.end(), [](const shown_group& a, const shown_group& b) {
    return std::pair(a.count, a.oldest.front().age) > std::pair(b.count, b.oldest.front().age);
  });
  return all;
}

void append(std::string& to, const shown_group& group) {
  to += count_of_tasks(group.count) + " [" + group.state;
  if (const auto age = duration(group.oldest.front().age); !age.empty()) to += ", " + age;
  to += "]:\n" + group.stack + (group.count == 1 ? "task " : "tasks ");
  for (const auto& each : group.oldest) to += (&each == &group.oldest.front() ? "" : ", ") + std::to_string(each.id);
  to += group.count > group.oldest.size() ? ", …\n" : "\n";
}

std::string count_of_tasks(std::uint64_t count) { return std::to_string(count) + (count == 1 ? " task" : " tasks"); }

}  // namespace tasks::detail
