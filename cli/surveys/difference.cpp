#include "surveys/difference.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "surveys/channels.hpp"
#include "surveys/group_keys.hpp"
#include "surveys/running_tasks.hpp"

namespace tasks::cli {

/// What is kept of a task: a million of them are compared.
struct compared_task {
  std::uint64_t id, version;
  std::uint32_t group;
};

struct channel_ends {
  std::optional<std::uint64_t> capacity;
  std::uint64_t senders = 0, receivers = 0;
};

/// One snapshot, by groups that have a number in both.
struct compared_snapshot {
  std::vector<compared_task> tasks;  ///< by id
  std::vector<v1::Group> groups;     ///< of tasks that read alike; without ids
  std::map<std::uint64_t, channel_ends> channels;
  std::map<std::uint32_t, endpoint> sockets;
  running_tasks running;
};

namespace {

class reader {
 public:
  reader(resolver& names, std::unordered_map<group_key, std::uint32_t>& numbers, compared_snapshot& to)
      : names_(names), keys_(names), numbers_(numbers), to_(to) {}

  result<void> read(snapshot_source& source) {
    const auto trailer = source.stacks({}, [this](const v1::Chunk& chunk) {
      names_.learn(chunk);
      keys_.learn(chunk);
      for (const auto& task : chunk.tasks()) add(task);
      return true;
    });
    if (!trailer) return trailer.why();
    to_.running.resolution_ms = trailer->tick_resolution_ms();
    std::sort(to_.tasks.begin(), to_.tasks.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return {};
  }

 private:
  void add(const v1::Task& task) {
    const auto next = static_cast<std::uint32_t>(numbers_.size());
    const auto number = numbers_.try_emplace(keys_.of(task), next).first->second;
    if (to_.groups.size() <= number) to_.groups.resize(number + 1);
    add_to_group(task, to_.groups[number]);
    to_.tasks.push_back({task.id(), task.version(), number});
    to_.running.add(task);
    const auto& wait = task.wait();
    if (is_channel(wait.kind())) {
      auto& channel = to_.channels[wait.object()];
      if (wait.has_capacity()) channel.capacity = wait.capacity();
      ++(wait.kind() == v1::Wait::CHANNEL_SEND ? channel.senders : channel.receivers);
    }
    if (!wait.has_fd() || to_.sockets.contains(wait.fd())) return;
    names_.resolve(task, meaning_);
    if (meaning_.fd != nullptr) to_.sockets.emplace(wait.fd(), *meaning_.fd);
  }

  static void add_to_group(const v1::Task& task, v1::Group& to) {
    if (to.count() == 0) {
      to.set_state(task.state());
      if (task.has_wait()) to.mutable_wait()->set_kind(task.wait().kind());
      *to.mutable_frames() = task.frames();
      to.set_spawn_path(task.spawn_path());
      to.set_spawn_location(task.spawn_location());
      to.set_spawn_outer_location(task.spawn_outer_location());
      to.set_age_unknown(task.age_unknown());
    }
    to.set_count(to.count() + 1);
    to.set_oldest_ms(std::max(to.oldest_ms(), task.age_ms()));
  }

  resolver& names_;
  group_keys keys_;
  std::unordered_map<group_key, std::uint32_t>& numbers_;
  compared_snapshot& to_;
  resolved meaning_;
};

/// Ids are those of tasks that came, before those that stayed.
void name_tasks(std::vector<std::uint64_t> came, const std::vector<std::uint64_t>& others, v1::Group& to) {
  came.insert(came.end(), others.begin(), others.end());
  if (came.size() > static_cast<std::size_t>(most_ids)) came.resize(most_ids);
  to.mutable_ids()->Assign(came.begin(), came.end());
}

struct group_tasks {
  std::vector<std::uint64_t> came, stayed, went;  ///< at most three each
};

void keep(std::vector<std::uint64_t>& ids, std::uint64_t id) {
  if (ids.size() < static_cast<std::size_t>(most_ids)) ids.push_back(id);
}

/// Both are in the order of their ids.
void count_tasks(const compared_snapshot& before, const compared_snapshot& after, bool same_process,
                 std::vector<changed_group>& groups, std::vector<group_tasks>& named) {
  const auto came = [&](const compared_task& task) {
    ++groups[task.group].came;
    keep(named[task.group].came, task.id);
  };
  const auto went = [&](const compared_task& task) {
    ++groups[task.group].went;
    keep(named[task.group].went, task.id);
  };
  auto first = before.tasks.begin();
  auto second = after.tasks.begin();
  while (first != before.tasks.end() || second != after.tasks.end()) {
    const bool only_before = second == after.tasks.end() || (first != before.tasks.end() && first->id < second->id);
    const bool only_after = first == before.tasks.end() || (second != after.tasks.end() && second->id < first->id);
    if (only_before || !same_process) {
      if (first != before.tasks.end()) went(*first++);
      if (!same_process && second != after.tasks.end()) came(*second++);
    } else if (only_after) {
      came(*second++);
    } else if (first->version == second->version && first->group == second->group) {
      ++groups[second->group].stayed;
      keep(named[second->group].stayed, second->id);
      ++first, ++second;
    } else {
      went(*first++);
      came(*second++);
    }
  }
}

/// Tasks of two processes are not the same ones, whatever their ids: only what is more or fewer says anything.
void tell_apart_by_counts(changed_group& group) {
  group.stayed = std::min(group.before, group.after);
  group.came = group.after - group.stayed;
  group.went = group.before - group.stayed;
}

auto order_of(const changed_group& group) {
  const int kind = group.is_new() ? 0 : group.has_vanished() ? 1 : 2;
  const auto size = static_cast<std::uint64_t>(std::abs(group.growth()));
  return std::tuple(kind, ~size, ~(group.came + group.went), ~group.group.oldest_ms());
}

bool has_grown(const std::optional<endpoint::queues>& before, const std::optional<endpoint::queues>& after) {
  return after && before && (after->receive > before->receive || after->send > before->send);
}

}  // namespace

struct difference_survey::state {
  compared_snapshot before;
  std::unordered_map<group_key, std::uint32_t> numbers;
  std::unique_ptr<resolver> names;
};

difference_survey::difference_survey() : state_(std::make_unique<state>()) {}
difference_survey::~difference_survey() = default;

result<void> difference_survey::read_earlier(snapshot_source& source) {
  state_->names = std::make_unique<resolver>(source, resolver_options{});
  return reader(*state_->names, state_->numbers, state_->before).read(source);
}

result<difference> difference_survey::compare(snapshot_source& later, resolver& names, double seconds,
                                              bool same_process) {
  auto& before = state_->before;
  compared_snapshot after;
  names.read_as(*state_->names);
  if (const auto read = reader(names, state_->numbers, after).read(later); !read) return read.why();
  before.groups.resize(state_->numbers.size());
  after.groups.resize(state_->numbers.size());

  difference found;
  found.same_process = same_process;
  found.seconds = seconds;
  found.resolution_ms = after.running.resolution_ms;
  found.before = before.tasks.size();
  found.after = after.tasks.size();
  std::vector<changed_group> groups(state_->numbers.size());
  std::vector<group_tasks> named(groups.size());
  count_tasks(before, after, same_process, groups, named);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    auto& group = groups[i];
    group.before = before.groups[i].count();
    group.after = after.groups[i].count();
    if (!same_process) tell_apart_by_counts(group);
    found.came += group.came;
    found.went += group.went;
    found.stayed += group.stayed;
    if (group.came + group.went == 0) {
      ++found.unchanged;
      continue;
    }
    group.group = std::move(group.has_vanished() ? before.groups[i] : after.groups[i]);
    if (group.has_vanished())
      name_tasks(named[i].went, {}, group.group);
    else
      name_tasks(named[i].came, named[i].stayed, group.group);
    auto& of = group.has_vanished() ? *state_->names : names;
    of.resolve(group.group, group.meaning);
    found.groups.push_back(std::move(group));
  }
  std::stable_sort(found.groups.begin(), found.groups.end(),
                   [](const auto& a, const auto& b) { return order_of(a) < order_of(b); });
  if (!same_process) return found;

  for (const auto& [address, channel] : after.channels) {
    const auto known = before.channels.find(address);
    const auto then = known == before.channels.end() ? channel_ends() : known->second;
    if (channel.senders > then.senders || channel.receivers > then.receivers)
      found.channels.push_back(
          {address, channel.capacity, then.senders, channel.senders, then.receivers, channel.receivers});
  }
  keep_unchanged(after.running, before.running);
  for (const auto& each : after.running.tasks)
    if (!each.age_unknown) found.stalled.push_back({each.id, each.thread, each.age_ms});
  for (const auto& [fd, is] : after.sockets) {
    const auto known = before.sockets.find(fd);
    if (known == before.sockets.end() || known->second.peer != is.peer || known->second.local != is.local) continue;
    if (has_grown(known->second.waiting, is.waiting)) found.queues.push_back({fd, is, *known->second.waiting});
  }
  return found;
}

}  // namespace tasks::cli
