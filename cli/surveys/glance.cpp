#include "surveys/glance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/text.hpp"
#include "base/words.hpp"
#include "surveys/timing.hpp"

namespace tasks::cli {
namespace {

/// "pool::async_acquire()" of a wait that is none of Asio's own, else what its kind is called.
template <class Message>
std::string what_it_does(const Message& message, const resolved& meaning) {
  if (message.state() != v1::Task::BLOCKED || !message.has_wait()) return std::string(state_name(message.state()));
  const auto kind = message.wait().kind();
  if (kind == v1::Wait::OTHER || kind == v1::Wait::KIND_UNSPECIFIED)
    return meaning.operation != nullptr ? *meaning.operation : "blocked";
  return kind_name(message.wait(), meaning.fd);
}

/// "socket read, fd 9 127.0.0.1:41822"
std::string what_it_waits_for(const v1::Task& task, const resolved& meaning) {
  auto words = what_it_does(task, meaning);
  if (task.state() == v1::Task::RUNNING && task.thread() != 0) words += fmt::format(" on thread {}", task.thread());
  if (!task.wait().has_fd()) return words;
  words += fmt::format(", fd {}", task.wait().fd());
  if (meaning.fd == nullptr) return words;
  const auto& end = meaning.fd->peer.empty() ? meaning.fd->local : meaning.fd->peer;
  return end.empty() ? words : words + " " + end;
}

std::string name_and_labels(const v1::Task& task) {
  auto words = task.name();
  const std::map<std::string, std::string> labels(task.labels().begin(), task.labels().end());
  for (const auto& [key, value] : labels) words += (words.empty() ? "" : " ") + key + "=" + value;
  return words;
}

template <class Message>
glance_group group_like(const Message& message, group_key key, resolver& names, resolved& meaning) {
  names.resolve(message, meaning);
  glance_group made;
  made.key = std::move(key);
  made.what = what_it_does(message, meaning);
  made.state = message.state();
  made.kind = message.wait().kind();
  made.age_unknown = message.age_unknown();
  if (meaning.frames.empty()) return made;
  const auto& innermost = *meaning.frames.front().location;
  made.inner_function = innermost.function;
  made.inner_file = innermost.file;
  made.inner_line = innermost.line;
  const auto& root = *meaning.frames.back().location;
  made.function = root.function;
  if (!root.file.empty()) made.place = fmt::format("{}:{}", base_name(root.file), root.line);
  return made;
}

/// Groups of one look, by what they read as.
class glanced_groups {
 public:
  explicit glanced_groups(resolver& names) : names_(names), keys_(names) {}

  void learn(const v1::Chunk& chunk) {
    names_.learn(chunk);
    keys_.learn(chunk);
  }
  template <class Message>
  glance_group& of(const Message& message) {
    auto key = keys_.of(message);
    const auto [at, is_new] = places_.try_emplace(key, groups_.size());
    if (is_new) groups_.push_back(group_like(message, std::move(key), names_, meaning_));
    return groups_[at->second];
  }
  [[nodiscard]] std::vector<glance_group> take() { return std::move(groups_); }

 private:
  resolver& names_;
  group_keys keys_;
  resolved meaning_;
  std::vector<glance_group> groups_;
  std::unordered_map<group_key, std::size_t> places_;
};

}  // namespace

/// Spawn sites keep apart what reads alike here, and want debug information.
std::unique_ptr<resolver> glances::names_of(const snapshot_source& source) {
  // A target may think of new ones for ever.
  constexpr std::size_t most_readings = 100'000;
  auto names = std::make_unique<resolver>(source, resolver_options{.all_frames = false, .spawn_sites = false});
  if (!readings_ || readings_->readings() > most_readings)
    readings_ = std::make_unique<resolver>(resolver_options{.all_frames = false, .spawn_sites = false});
  names->read_as(*readings_);
  return names;
}

result<glance> glances::look(snapshot_source& source, bool timed) {
  const auto ignore = [](const v1::Chunk&) { return true; };
  auto vitals = source.vitals(true, ignore);
  if (!vitals) return vitals.why();
  glance seen;
  seen.vitals = *std::move(vitals);
  const auto names = names_of(source);
  glanced_groups groups(*names);
  const bool each = seen.vitals.tasks() <= most_tasks_read;
  const bool compares = std::exchange(has_resumes_, each) && each;
  std::unordered_map<std::uint64_t, std::uint64_t> resumes;
  v1::StacksRequest query;
  query.set_grouped(!each);
  query.set_timing(timed);
  std::unordered_map<std::uint64_t, std::uint64_t> busy;
  std::unordered_map<group_key, std::uint64_t> busy_since;
  const auto trailer = source.stacks(query, [&](const v1::Chunk& chunk) {
    groups.learn(chunk);
    for (const auto& group : chunk.groups()) {
      auto& to = groups.of(group);
      to.count += group.count();
      to.oldest_ms = std::max(to.oldest_ms, group.oldest_ms());
      to.longest_ns = std::max(to.longest_ns, longest_run_ns(group.timing()));
    }
    for (const auto& task : chunk.tasks()) {
      auto& to = groups.of(task);
      ++to.count;
      to.oldest_ms = std::max(to.oldest_ms, task.age_ms());
      if (task.has_timing()) {
        to.longest_ns = std::max(to.longest_ns, longest_run_ns(task.timing()));
        const auto ran = busy_ns(task.timing());
        busy.emplace(task.id(), ran);
        const auto before = busy_.find(task.id());
        busy_since[to.key] += ran - std::min(ran, before == busy_.end() ? 0 : before->second);
      }
      if (task.age_unknown()) continue;
      resumes.emplace(task.id(), task.resumes());
      if (!compares) continue;
      // One that came since has been resumed since.
      const auto before = resumes_.find(task.id());
      const auto known = before == resumes_.end() ? 0 : std::min(before->second, task.resumes());
      to.resumed = to.resumed.value_or(0) + task.resumes() - known;
    }
    return true;
  });
  if (!trailer) return trailer.why();
  resumes_ = std::move(resumes);
  seen.groups = groups.take();
  seen.is_timed = trailer->timing().on();
  const auto timed_for = trailer->timing().on_for_ns();
  // What was timed before began anew where another reader had it ended.
  if (seen.is_timed && compares && timed_for_ns_ != 0 && timed_for > timed_for_ns_)
    for (auto& group : seen.groups)
      group.busy = static_cast<double>(busy_since[group.key]) / static_cast<double>(timed_for - timed_for_ns_);
  busy_ = std::move(busy);
  timed_for_ns_ = timed_for;
  seen.resolution_ms = trailer->tick_resolution_ms();
  return seen;
}

result<glance_tasks> glances::look_into(snapshot_source& source, const glance_group& group, bool timed) {
  const auto names = names_of(source);
  group_keys keys(*names);
  v1::StacksRequest query;
  query.add_states(group.state);
  query.set_timing(timed);
  if (group.kind != v1::Wait::KIND_UNSPECIFIED) query.add_kinds(group.kind);
  glance_tasks found;
  resolved meaning;
  const auto trailer = source.stacks(query, [&](const v1::Chunk& chunk) {
    names->learn(chunk);
    keys.learn(chunk);
    for (const auto& task : chunk.tasks()) {
      if (keys.of(task) != group.key) continue;
      if (found.tasks.size() == most_tasks_told) {
        found.is_all = false;
        return false;
      }
      names->resolve(task, meaning);
      auto& told = found.tasks.emplace_back();
      told.id = task.id();
      told.parent = task.parent();
      told.age_ms = task.age_ms();
      told.resumes = task.resumes();
      told.age_unknown = task.age_unknown();
      told.timing = task.timing();
      told.what = what_it_waits_for(task, meaning);
      told.name = name_and_labels(task);
    }
    return true;
  });
  if (!trailer) return trailer.why();
  found.resolution_ms = std::max(trailer->tick_resolution_ms(), 1U);
  found.is_timed = trailer->timing().on();
  return found;
}

}  // namespace tasks::cli
