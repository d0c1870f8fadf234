#include "surveys/filtered_source.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "surveys/timing.hpp"

namespace tasks::cli {
namespace {

/// Tasks in a chunk of an answer that is put in order.
constexpr int chunk_size = 512;

/// Tasks that have come, encoded: they are sorted when all have.
class sorted_tasks {
 public:
  void add(const v1::Task& task, std::uint64_t rank) {
    places_.push_back({rank, task.id(), bytes_.size(), 0});
    task.AppendToString(&bytes_);
    places_.back().size = bytes_.size() - places_.back().begin;
  }

  /// The highest ranks first, at most `limit`. False: nobody reads on.
  bool visit(std::uint64_t limit, const chunk_visitor& to) {
    std::sort(places_.begin(), places_.end(),
              [](const place& a, const place& b) { return a.rank != b.rank ? a.rank > b.rank : a.id < b.id; });
    places_.resize(std::min<std::size_t>(places_.size(), limit));
    v1::Chunk chunk;
    for (const auto& each : places_) {
      chunk.add_tasks()->ParseFromArray(bytes_.data() + each.begin, static_cast<int>(each.size));
      if (chunk.tasks_size() < chunk_size) continue;
      if (!to(chunk)) return false;
      chunk.Clear();
    }
    return chunk.tasks().empty() || to(chunk);
  }

 private:
  struct place {
    std::uint64_t rank, id;
    std::size_t begin, size;
  };
  std::vector<place> places_;
  std::string bytes_;
};

}  // namespace

/// What a view asks for itself goes before what a user asks for, which is looked at here again.
v1::StacksRequest filtered_source::narrowed(v1::StacksRequest query) const {
  const auto& users = asked_.query;
  if (query.ids().empty()) *query.mutable_ids() = users.ids();
  if (query.states().empty()) *query.mutable_states() = users.states();
  if (query.kinds().empty()) *query.mutable_kinds() = users.kinds();
  if (query.states().empty() && !asked_.threads.empty()) query.add_states(v1::Task::RUNNING);
  query.mutable_threads()->Assign(asked_.threads.begin(), asked_.threads.end());
  query.mutable_fds()->Assign(asked_.fds.begin(), asked_.fds.end());
  for (const auto& each : asked_.labels) {
    auto& label = *query.add_labels();
    label.set_key(each.key);
    if (each.value) label.set_value(*each.value);
  }
  // Of several one is enough: it takes a part of each.
  if (std::none_of(asked_.names.begin(), asked_.names.end(), [](const auto& each) { return each.literal().empty(); }))
    for (const auto& each : asked_.names) query.add_name_parts(each.literal());
  query.set_older_than_ms(std::max(query.older_than_ms(), users.older_than_ms()));
  query.clear_limit();
  return query;
}

result<v1::Trailer> filtered_source::stacks(const v1::StacksRequest& query, const chunk_visitor& visit) {
  const auto limit = query.limit() == 0 ? UINT64_MAX : query.limit();
  resolver names(from_, options_);
  selector chosen(names, asked_);
  sorted_tasks sorted;
  std::uint64_t matched = 0, shown = 0;
  bool goes_on = true;
  auto read = from_.stacks(narrowed(query), [&](const v1::Chunk& chunk) {
    names.learn(chunk);
    v1::Chunk passed;
    *passed.mutable_locations() = chunk.locations();
    if (asked_.is_empty()) *passed.mutable_ended() = chunk.ended();
    for (const auto& task : chunk.tasks()) {
      if (!chosen.passes(task)) continue;
      if (++matched <= limit && order_ == task_order::by_id) *passed.add_tasks() = task;
      if (order_ == task_order::by_age) sorted.add(task, task.age_ms());
      if (order_ == task_order::by_busy) sorted.add(task, busy_ns(task.timing()));
    }
    for (const auto& group : chunk.groups()) {
      if (!chosen.passes(group)) continue;
      matched += group.count();
      *passed.add_groups() = group;
    }
    goes_on = visit(passed);
    return goes_on;
  });
  if (!read) return read;
  if (goes_on && order_ != task_order::by_id) sorted.visit(limit, visit);
  shown = query.grouped() ? matched : std::min(matched, limit);
  read->set_matched(matched);
  read->set_shown(shown);
  read->set_complete(read->complete() && shown == matched);
  return read;
}

}  // namespace tasks::cli
