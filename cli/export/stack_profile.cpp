#include "export/stack_profile.hpp"

#include <algorithm>

#include "base/words.hpp"

namespace tasks::cli {
namespace {

profiled_place place_of(const frame& from) {
  return {from.function.empty() ? "<unknown>" : from.function, from.file, from.line};
}

std::vector<std::pair<std::string, std::string>> labels_of(const v1::Task& task) {
  std::vector<std::pair<std::string, std::string>> labels(task.labels().begin(), task.labels().end());
  labels.emplace_back("state", state_name(task.state()));
  if (task.state() == v1::Task::BLOCKED) labels.emplace_back("wait", kind_name(task.wait().kind()));
  if (!task.name().empty()) labels.emplace_back("name", task.name());
  std::sort(labels.begin(), labels.end());
  return labels;
}

}  // namespace

std::uint32_t stack_profile::number(profiled_place place) {
  const auto [known, is_new] = numbers_.try_emplace(place, static_cast<std::uint32_t>(places_.size()));
  if (is_new) places_.push_back(std::move(place));
  return known->second;
}

void stack_profile::add(const v1::Task& task, const resolved& meaning) {
  std::vector<std::uint32_t> places;
  for (const auto& each : meaning.native)
    places.push_back(number({each.function.empty() ? "<unknown>" : each.function, each.file, each.line}));
  for (const auto& each : meaning.frames) places.push_back(number(place_of(*each.location)));
  if (meaning.spawned_at != nullptr) places.push_back(number(place_of(*meaning.spawned_at)));
  auto labels = labels_of(task);
  const auto [known, is_new] = known_.try_emplace({places, labels}, stacks_.size());
  if (is_new) stacks_.push_back({std::move(places), std::move(labels), 0, 0});
  auto& stack = stacks_[known->second];
  ++stack.tasks;
  stack.waited_ms += task.age_ms();
}

}  // namespace tasks::cli
