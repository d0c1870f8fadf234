#include "export/stack_profile.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "base/words.hpp"

namespace tasks::cli {
namespace {

profiled_place place_of(const frame& from) {
  return {from.function.empty() ? "<unknown>" : from.function, from.file, from.line};
}

profile_labels labels_of(const v1::Task& task) {
  profile_labels labels(task.labels().begin(), task.labels().end());
  labels.emplace_back("state", state_name(task.state()));
  if (task.state() == v1::Task::BLOCKED) labels.emplace_back("wait", kind_name(task.wait().kind()));
  if (!task.name().empty()) labels.emplace_back("name", task.name());
  return labels;
}

}  // namespace

std::uint32_t stack_profile::number(profiled_place place) {
  const auto [known, is_new] = numbers_.try_emplace(place, static_cast<std::uint32_t>(places_.size()));
  if (is_new) places_.push_back(std::move(place));
  return known->second;
}

std::uint32_t stack_profile::number(const native_frame& native) {
  if (!native.function.empty()) return number(profiled_place{native.function, native.file, native.line});
  // At least whose it is.
  const auto module = base_name(native.module);
  return number(profiled_place{module.empty() ? "<unknown>" : fmt::format("<{}>", module), "", 0});
}

std::size_t stack_profile::find(std::vector<std::uint32_t> places, profile_labels labels) {
  std::sort(labels.begin(), labels.end());
  const auto [known, is_new] = known_.try_emplace({places, labels}, stacks_.size());
  if (is_new) stacks_.push_back({std::move(places), std::move(labels), 0, 0});
  return known->second;
}

std::size_t stack_profile::find(const v1::Task& task, const resolved& meaning, profile_labels more) {
  std::vector<std::uint32_t> places;
  for (const auto& each : meaning.native) places.push_back(number(each));
  auto chain = meaning.frames.begin();
  // The body that runs is the innermost of its awaits.
  if (!meaning.native.empty() && chain != meaning.frames.end() && is_body_of(meaning.native.back(), *chain->location))
    ++chain;
  for (; chain != meaning.frames.end(); ++chain) places.push_back(number(place_of(*chain->location)));
  if (meaning.spawned_at != nullptr) places.push_back(number(place_of(*meaning.spawned_at)));
  auto labels = labels_of(task);
  labels.insert(labels.end(), more.begin(), more.end());
  return find(std::move(places), std::move(labels));
}

std::size_t stack_profile::find(const std::vector<native_frame>& frames, profile_labels labels) {
  std::vector<std::uint32_t> places;
  for (const auto& each : frames) places.push_back(number(each));
  return find(std::move(places), std::move(labels));
}

}  // namespace tasks::cli
