#include "hookless/wait_search.hpp"

#include <algorithm>
#include <utility>

#include "hookless/operation_queues.hpp"
#include "hookless/owner_search.hpp"
#include "hookless/wait_objects.hpp"
#include "names.hpp"

namespace tasks::cli {
namespace {

using layout::wait_kind;

/// Less: explains better what a task waits for.
std::uint32_t distance_of(const asio_operation& each) {
  constexpr std::uint32_t stale = 100, on_its_way = 50;
  return (each.is_queued ? 0 : stale) + (each.function->is_first ? on_its_way : 0) + each.depth;
}

/// Of several that a task waits for at once. Less: matters more; as the hook has it.
int weight_of(wait_kind kind) {
  switch (kind) {
    case wait_kind::socket_connect:
    case wait_kind::socket_accept:
    case wait_kind::socket_read:
    case wait_kind::socket_write:
    case wait_kind::socket_wait:
      return 0;
    case wait_kind::descriptor_read:
    case wait_kind::descriptor_write:
    case wait_kind::descriptor_wait:
    case wait_kind::resolve:
      return 1;
    case wait_kind::channel_send:
    case wait_kind::channel_receive:
      return 2;
    case wait_kind::signal:
      return 3;
    case wait_kind::timer:
      return 4;
    case wait_kind::post:
      return 5;
    default:
      return 6;
  }
}

bool matters_more(const found_wait& a, const found_wait& b) { return weight_of(a.kind) < weight_of(b.kind); }

}  // namespace

wait_search::wait_search(const memory_image& image, const heap_map& heap, const stack_memory& stacks,
                         const program_code& code, const frame_scan& scan, const task_chains& chains, is_socket asks)
    : scene_{image, heap, stacks, code, scan, chains.tasks()}, asks_(std::move(asks)) {}

std::vector<std::uint32_t> wait_search::choose(const std::vector<asio_operation>& operations) const {
  std::vector<std::uint32_t> best(scene_.tasks.size(), asio_operation::nobody);
  const auto rank_of = [](const asio_operation& each) {
    return std::pair(distance_of(each), weight_of(each.function->waits_for));
  };
  for (std::uint32_t i = 0; i < operations.size(); ++i) {
    auto& chosen = best[operations[i].task];
    if (chosen == asio_operation::nobody || rank_of(operations[i]) < rank_of(operations[chosen])) chosen = i;
  }
  return best;
}

/// Its first turn is still to come: no function but Asio's own is on its stack.
bool wait_search::is_ready(const task_chain& task) {
  const auto& frames = scene_.scan.frames();
  // The entry point has no more than that before it calls the task's function.
  constexpr std::uint64_t first_points = 4;
  if (frames[task.entry].index > first_points) return false;
  return std::all_of(task.frames.begin(), task.frames.end(), [&](std::uint32_t frame) {
    const auto* body = frames[frame].body;
    const auto [known, is_new] = is_plumbing_.try_emplace(body);
    if (is_new) known->second = detail::make_readable(body->symbol).plumbing;
    return known->second;
  });
}

std::vector<found_wait> wait_search::run() {
  owner_search owners(scene_);
  wait_objects objects(scene_, asks_);
  auto& operations = owners.operations();
  operation_queues(scene_, objects, operations).run();
  objects.find(operations);
  const auto best = choose(operations);

  std::vector<found_wait> found(scene_.tasks.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (scene_.tasks[i].runs) continue;
    const auto& to_child = owners.relations()[i].to_child;
    const bool is_owned = owners.relations()[i].has_owner;
    const auto* chosen = best[i] == asio_operation::nobody ? nullptr : &operations[best[i]];
    if (to_child && (chosen == nullptr || !chosen->is_queued || chosen->depth > *to_child)) {
      found[i].kind = wait_kind::tasks;
    } else if (chosen == nullptr) {
      found[i].kind = wait_kind::other;
    } else {
      found[i] = objects.describe(*chosen);
      found[i].is_ready = found[i].kind == wait_kind::post && is_ready(scene_.tasks[i]);
    }
    found[i].is_owned = is_owned;
  }
  // Others that are as near as the chosen one.
  for (const auto& each : operations) {
    auto& its = found[each.task];
    if (!each.is_queued || its.operation == 0 || its.is_ready || its.operation == each.at) continue;
    if (distance_of(each) != distance_of(operations[best[each.task]])) continue;
    const bool is_known = std::any_of(its.also.begin(), its.also.end(),
                                      [&](const found_wait& other) { return other.operation == each.at; });
    if (!is_known && its.also.size() + 1 < layout::group_record::room) its.also.push_back(objects.describe(each));
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    auto& also = found[i].also;
    if (also.size() > 1) std::stable_sort(also.begin(), also.end(), matters_more);
    // Who waits for nothing else, or for a group of tasks and operations.
    const auto by = owners.relations()[i].awaited_by;
    if (by < found.size() && owners.relations()[by].to_child) found[i].awaited_by = by;
  }
  operations_ = std::move(operations);
  return found;
}

}  // namespace tasks::cli
