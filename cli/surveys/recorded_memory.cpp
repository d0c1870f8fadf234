#include "surveys/recorded_memory.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "surveys/memory.hpp"

namespace tasks::cli {
namespace {

using memory_message = v1::RecordedMemory;

/// Of each arena.
constexpr std::size_t most_recorded_holes = 1000;

memory_message::Counted counted_message(const counted_bytes& from) {
  memory_message::Counted to;
  to.set_count(from.count);
  to.set_bytes(from.bytes);
  return to;
}

counted_bytes counted_of(const memory_message::Counted& from) { return {from.count(), from.bytes()}; }

void fill(const arena_facts& from, memory_message::Arena& to) {
  to.set_address(from.address);
  to.set_main(from.is_main);
  to.set_bytes(from.bytes);
  *to.mutable_free() = counted_message(from.free);
  *to.mutable_holes() = counted_message(from.holes);
  *to.mutable_fast() = counted_message(from.fast);
  *to.mutable_cached() = counted_message(from.cached);
  to.set_top_bytes(from.top_bytes);
  to.set_allocations(from.allocations);
  for (const auto& each : from.largest) {
    auto& hole = *to.add_largest();
    hole.set_address(each.address);
    hole.set_bytes(each.bytes);
  }
}

arena_facts arena_of(const memory_message::Arena& from) {
  arena_facts to;
  to.address = from.address();
  to.is_main = from.main();
  to.bytes = from.bytes();
  to.free = counted_of(from.free());
  to.holes = counted_of(from.holes());
  to.fast = counted_of(from.fast());
  to.cached = counted_of(from.cached());
  to.top_bytes = from.top_bytes();
  to.allocations = from.allocations();
  for (const auto& each : from.largest()) to.largest.push_back({each.address(), each.bytes()});
  return to;
}

void fill(const resident_sum& from, memory_message::Mapping& to) {
  to.set_kind(static_cast<std::uint32_t>(from.is));
  to.set_path(from.path);
  to.set_mappings(from.mappings);
  to.set_bytes(from.bytes);
  to.set_resident_bytes(from.resident_bytes);
  to.set_swapped_bytes(from.swapped_bytes);
}

resident_sum mapping_of(const memory_message::Mapping& from) {
  using kind = resident_sum::kind;
  return {static_cast<kind>(std::min(from.kind(), static_cast<std::uint32_t>(kind::other))),
          from.path(),
          from.mappings(),
          from.bytes(),
          from.resident_bytes(),
          from.swapped_bytes()};
}

/// 0 stands for what is not known.
std::uint64_t and_one(std::uint64_t bytes) { return bytes + 1; }
std::uint64_t less_one(std::uint64_t written) { return written - 1; }
static_assert(task_memory::unknown + 1 == 0);

memory_message::Shape shape_of(const task_memory& known, const task_memory::task& task, std::uint32_t group) {
  memory_message::Shape shape;
  shape.set_leaked(static_cast<std::uint32_t>(task.leaked));
  shape.set_whole(task.whole);
  shape.set_group(group == keeper_groups::none ? 0 : group + 1);
  for (std::size_t i = task.first_frame; i < std::size_t{task.first_frame} + task.frames; ++i) {
    shape.add_chunks(and_one(known.frames[i].chunk));
    shape.add_asked(and_one(known.frames[i].asked));
  }
  return shape;
}

void fill_tasks(const task_memory& known, const std::vector<std::uint32_t>& group_of, memory_message& to) {
  std::unordered_map<std::string, std::uint32_t> places;
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < known.tasks.size(); ++i) {
    const auto& task = known.tasks[i];
    auto shape = shape_of(known, task, i < group_of.size() ? group_of[i] : keeper_groups::none);
    const auto next = static_cast<std::uint32_t>(to.shapes_size());
    const auto [its, is_new] = places.try_emplace(shape.SerializeAsString(), next);
    if (is_new) *to.add_shapes() = std::move(shape);
    to.add_ids(task.id - before);
    to.add_shape_of(its->second);
    before = task.id;
  }
}

void fill_groups(const keeper_groups& groups, const kept_by_groups& kept, memory_message& to) {
  for (const auto& each : kept.by_group) {
    auto& group = *to.add_groups();
    if (each) *group.mutable_kept() = counted_message(*each);
  }
  for (const auto of : groups.of_task)
    if (of < static_cast<std::uint32_t>(to.groups_size())) {
      auto& group = *to.mutable_groups(static_cast<int>(of));
      group.set_tasks(group.tasks() + 1);
    }
  if (kept.together) *to.mutable_kept_by_leaked() = counted_message(*kept.together);
}

void fill_heap(const heap_facts& from, memory_message& to) {
  for (const auto& each : from.arenas) fill(each, *to.add_arenas());
  *to.mutable_mapped() = counted_message(from.mapped);
  *to.mutable_recycled() = counted_message(from.recycled);
  to.set_refused_arenas(from.refused);
}

}  // namespace

result<v1::RecordedMemory> record_memory(proven_memory of, snapshot_source& source) {
  pictured_memory pictured(std::move(of), most_recorded_holes);
  resolver names(source, {});
  keeper_groups groups;
  kept_by_groups kept;
  const auto find_and_keep = [&](const keeper_groups& asked) {
    groups = asked;
    kept = pictured.find_kept(asked);
    return kept;
  };
  // Groups are made as they will be when somebody asks.
  const auto survey = survey_memory(pictured.known(), find_and_keep, source, names, {.limit = 1});
  if (!survey) return survey.why();
  const auto& known = pictured.known();
  v1::RecordedMemory to;
  fill_heap(known.heap, to);
  fill_tasks(known, groups.of_task, to);
  fill_groups(groups, kept, to);
  if (known.mappings)
    for (const auto& each : *known.mappings) fill(each, *to.add_mappings());
  to.set_no_mappings(known.why_no_mappings);
  to.set_doubt(known.doubt);
  to.set_torn(known.torn);
  to.set_stopped_ms(known.stopped_ms);
  return to;
}

recorded_memory::recorded_memory(const v1::RecordedMemory& from) {
  for (const auto& each : from.arenas()) known_.heap.arenas.push_back(arena_of(each));
  known_.heap.mapped = counted_of(from.mapped());
  known_.heap.recycled = counted_of(from.recycled());
  known_.heap.refused = from.refused_arenas();
  for (const auto& each : from.groups())
    groups_.push_back({each.tasks(), each.has_kept() ? std::optional(counted_of(each.kept())) : std::nullopt});
  if (from.has_kept_by_leaked()) together_ = counted_of(from.kept_by_leaked());
  read_tasks(from);
  if (from.no_mappings().empty()) {
    auto& mappings = known_.mappings.emplace();
    for (const auto& each : from.mappings()) mappings.push_back(mapping_of(each));
  }
  known_.why_no_mappings = from.no_mappings();
  known_.doubt = from.doubt();
  known_.torn = from.torn();
  known_.stopped_ms = from.stopped_ms();
}

/// Frames of a shape are there once, whoever has it.
void recorded_memory::read_tasks(const v1::RecordedMemory& from) {
  std::vector<std::uint32_t> first_of_shape;
  for (const auto& shape : from.shapes()) {
    first_of_shape.push_back(static_cast<std::uint32_t>(known_.frames.size()));
    for (int i = 0; i < std::min(shape.chunks_size(), shape.asked_size()); ++i)
      known_.frames.push_back({less_one(shape.chunks(i)), less_one(shape.asked(i))});
  }
  std::uint64_t id = 0;
  for (int i = 0; i < std::min(from.ids_size(), from.shape_of_size()); ++i) {
    const auto place = from.shape_of(i);
    id += from.ids(i);
    if (place >= first_of_shape.size() || (i != 0 && from.ids(i) == 0)) continue;
    const auto& shape = from.shapes(static_cast<int>(place));
    const auto leaked = std::min(shape.leaked(), static_cast<std::uint32_t>(certainty::held));
    known_.tasks.push_back({id, static_cast<certainty>(leaked), shape.whole(), first_of_shape[place],
                            static_cast<std::uint32_t>(std::min(shape.chunks_size(), shape.asked_size()))});
    group_of_.push_back(shape.group() - 1 < groups_.size() ? shape.group() - 1 : keeper_groups::none);
  }
}

kept_by_groups recorded_memory::find_kept(const keeper_groups& groups) const {
  struct seen {
    std::uint64_t tasks = 0;
    std::uint32_t then = keeper_groups::none;
    bool mixed = false;
  };
  std::vector<seen> each(groups.together.size());
  for (std::size_t i = 0; i < groups.of_task.size() && i < group_of_.size(); ++i) {
    if (groups.of_task[i] >= each.size()) continue;
    auto& now = each[groups.of_task[i]];
    if (now.tasks++ == 0) now.then = group_of_[i];
    now.mixed |= now.then != group_of_[i] || now.then == keeper_groups::none;
  }
  kept_by_groups found;
  for (const auto& now : each) {
    const bool is_same = now.tasks != 0 && !now.mixed && groups_[now.then].tasks == now.tasks;
    found.by_group.push_back(is_same ? groups_[now.then].kept : std::nullopt);
  }
  found.together = together_;
  return found;
}

}  // namespace tasks::cli
