#include "sources/recorded_source.hpp"

#include <google/protobuf/arena.h>
#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "sources/recorded_ages.hpp"
#include "stack_groups.hpp"

namespace tasks::cli {
namespace {

using detail::task_copy;

error damaged() { return {error_code::malformed_answer, "", "this snapshot is damaged", "--at chooses another one"}; }

enum class parts_wanted { tasks, others };

/// Does a part have tasks? Its first byte is the field's tag, which a recorder writes before all else.
bool has_tasks(std::uint8_t first) { return first >> 3 == v1::RecordedPart::kTasksFieldNumber; }

/// Part after part of a snapshot. `visit`: false ends it. False: what is there are no parts.
template <class Visit>
bool for_each_part(const std::string& parts, parts_wanted wanted, Visit visit) {
  google::protobuf::Arena arena;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(parts.data());
  for (std::size_t at = 0; at < parts.size();) {
    google::protobuf::io::CodedInputStream input(bytes + at, static_cast<int>(parts.size() - at));
    std::uint32_t size = 0;
    if (!input.ReadVarint32(&size)) return false;
    const auto head = static_cast<std::size_t>(input.CurrentPosition());
    if (size == 0 || size > parts.size() - at - head) return false;
    at += head + size;
    if (has_tasks(bytes[at - size]) != (wanted == parts_wanted::tasks)) continue;
    arena.Reset();
    auto& part = *google::protobuf::Arena::CreateMessage<v1::RecordedPart>(&arena);
    if (!part.ParseFromArray(bytes + at - size, static_cast<int>(size))) return false;
    if (!visit(part)) return true;
  }
  return true;
}

layout::record_state state_in_record(v1::Task::State state) {
  switch (state) {
    case v1::Task::RUNNING:
      return layout::record_state::running;
    case v1::Task::BLOCKED:
      return layout::record_state::blocked;
    default:
      return layout::record_state::ready;
  }
}

/// What groups are made by, with the numbers of locations for the places that they stand for.
void copy_for_groups(const v1::Task& from, task_copy& to) {
  const auto& wait = from.wait();
  to.word = layout::state_bits_of(state_in_record(from.state()));
  to.id = from.id();
  to.wait = layout::pack_wait(static_cast<layout::wait_kind>(wait.kind()),
                              wait.has_capacity() ? layout::detail_kind::capacity : layout::detail_kind::none,
                              layout::no_descriptor);
  to.detail = wait.capacity();
  to.spawn_path = from.spawn_path();
  to.spawn_where = from.spawn_location();
  to.spawn_outer = from.spawn_outer_location();
  to.truncated = from.truncated();
  to.where.assign(from.frames().rbegin(), from.frames().rend());
  to.depth = to.where.size();
}

class recorded_source final : public snapshot_source {
 public:
  recorded_source(const v1::SnapshotHead& head, std::string parts, std::string description)
      : pid_(static_cast<pid_t>(head.pid())), description_(std::move(description)), parts_(std::move(parts)) {}

  /// Reads all but the tasks. False: it is damaged.
  bool read() {
    bool has_facts = false, has_vitals = false, has_trailer = false;
    const bool whole = for_each_part(parts_, parts_wanted::others, [&](const v1::RecordedPart& part) {
      if (part.has_facts()) facts_ = part.facts();
      if (part.has_vitals()) vitals_ = part.vitals();
      if (part.has_trailer()) trailer_ = part.trailer();
      if (part.has_named()) known_ = part.named();
      has_facts |= part.has_facts();
      has_vitals |= part.has_vitals();
      has_trailer |= part.has_trailer();
      return true;
    });
    for (auto& failure : *known_.mutable_failures()) failure.set_age_ms(age_and_time(failure.age_ms(), facts_));
    return whole && has_facts && has_vitals && has_trailer;
  }

  [[nodiscard]] pid_t pid() const override { return pid_; }
  [[nodiscard]] target* from() const override { return nullptr; }
  [[nodiscard]] const v1::RecordedFacts* recorded() const override { return &facts_; }
  [[nodiscard]] std::string description() const override { return description_; }

  result<v1::Vitals> vitals(bool counts_only, const chunk_visitor& visit) override {
    if (counts_only) return vitals_;
    v1::StacksRequest on_channels;
    on_channels.add_kinds(v1::Wait::CHANNEL_SEND);
    on_channels.add_kinds(v1::Wait::CHANNEL_RECEIVE);
    on_channels.set_grouped(true);
    auto failures = known_;
    if (visit(failures)) {
      const auto listed = stacks(on_channels, visit);
      if (!listed) return listed.why();
    }
    return vitals_;
  }

  result<v1::Trailer> stacks(const v1::StacksRequest& query, const chunk_visitor& visit) override {
    v1::Chunk locations;
    *locations.mutable_locations() = known_.locations();
    bool goes_on = visit(locations);
    auto end = trailer_;
    std::uint64_t matched = 0, shown = 0;
    detail::stack_groups groups;
    task_copy copy{};
    v1::Chunk chosen;
    const bool whole = for_each_part(parts_, parts_wanted::tasks, [&](v1::RecordedPart& part) {
      chosen.Clear();
      for (auto& task : *part.mutable_tasks()->mutable_tasks()) {
        tell_ages(task);
        if (!passes(query, task)) continue;
        ++matched;
        if (query.grouped()) {
          copy_for_groups(task, copy);
          groups.add(copy, task.age_ms());
        } else if (query.limit() == 0 || shown < query.limit()) {
          ++shown;
          *chosen.add_tasks() = std::move(task);
        }
      }
      if (goes_on && !chosen.tasks().empty()) goes_on = visit(chosen);
      return goes_on;
    });
    if (!whole) return damaged();
    if (!goes_on) return v1::Trailer();
    if (query.grouped()) shown = list_groups(groups, query.limit(), visit, end);
    end.set_matched(matched);
    end.set_shown(shown);
    end.set_complete(trailer_.complete() && shown == matched);
    return end;
  }

 private:
  void tell_ages(v1::Task& task) const {
    task.set_age_ms(age_and_time(task.age_ms(), facts_));
    convert_expiries(task, [this](std::int64_t ms) { return expiry_of_time(ms, facts_); });
  }

  /// As an agent's filters.
  static bool passes(const v1::StacksRequest& query, const v1::Task& task) {
    const auto none_or_has = [](const auto& asked, auto value) {
      return asked.empty() || std::find(asked.begin(), asked.end(), value) != asked.end();
    };
    const auto kind = task.wait().kind() == v1::Wait::KIND_UNSPECIFIED ? v1::Wait::OTHER : task.wait().kind();
    if (!none_or_has(query.ids(), task.id()) || !none_or_has(query.states(), task.state())) return false;
    if (!query.kinds().empty() && (task.state() != v1::Task::BLOCKED || !none_or_has(query.kinds(), kind)))
      return false;
    return query.older_than_ms() == 0 || task.age_ms() > query.older_than_ms();
  }

  /// How many tasks they have.
  std::uint64_t list_groups(detail::stack_groups& groups, std::uint64_t limit, const chunk_visitor& visit,
                            v1::Trailer& end) const {
    std::uint64_t listed = 0, shown = 0;
    end.set_groups_left_out(groups.left_out());
    v1::Chunk chunk;
    for (const auto& group : groups.sort()) {
      if (limit != 0 && listed == limit) {
        end.set_groups_left_out(end.groups_left_out() + 1);
        continue;
      }
      add(group, groups.frames(group), *chunk.add_groups());
      ++listed;
      shown += group.count;
    }
    visit(chunk);
    return shown;
  }

  void add(const detail::stack_group& group, std::span<const std::uint64_t> frames, v1::Group& to) const {
    to.set_count(group.count);
    to.set_state(static_cast<v1::Task::State>(group.state));
    if (group.state == detail::task_state::blocked) {
      to.mutable_wait()->set_kind(static_cast<v1::Wait::Kind>(group.kind));
      if (group.same_capacity) to.mutable_wait()->set_capacity(group.capacity);
    }
    for (auto i = frames.size(); i-- > 0;) to.add_frames(static_cast<std::uint32_t>(frames[i]));
    to.set_oldest_ms(group.ages[0]);
    to.set_age_unknown(!facts_.has_hook());
    for (std::size_t i = 0; i < group.id_count; ++i) to.add_ids(group.ids[i]);
    to.set_spawn_path(static_cast<std::uint32_t>(group.spawn_path));
    to.set_spawn_location(static_cast<std::uint32_t>(group.spawn_where));
    to.set_spawn_outer_location(static_cast<std::uint32_t>(group.spawn_outer));
  }

  pid_t pid_;
  std::string description_, parts_;
  v1::RecordedFacts facts_;
  v1::Vitals vitals_;
  v1::Trailer trailer_;
  v1::Chunk known_;  ///< locations and failures
};

}  // namespace

result<std::unique_ptr<snapshot_source>> open_recorded(const v1::SnapshotHead& head, std::string parts,
                                                       std::string description) {
  auto source = std::make_unique<recorded_source>(head, std::move(parts), std::move(description));
  if (!source->read()) return damaged();
  return std::unique_ptr<snapshot_source>(std::move(source));
}

}  // namespace tasks::cli
