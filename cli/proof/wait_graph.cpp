#include "proof/wait_graph.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/progress.hpp"
#include "proof/scene.hpp"
#include "proof/target_proof.hpp"

namespace tasks::cli {
namespace {

using layout::wait_kind;

constexpr std::size_t most_tasks = 100;
constexpr std::chrono::seconds most_time{2};
constexpr std::size_t most_tasks_of_all = 10'000;

class follower {
 public:
  follower(const seen_tasks& seen, reference_search& search) : search_(search) {
    for (const auto& task : seen.tasks) {
      by_id_.emplace(task.id, &task);
      if (task.awaited) children_[task.parent].push_back(task.id);
      if (task.object != 0) ++waiting_[task.object];
    }
  }

  wait_graph follow(std::uint64_t first) {
    add(first);
    return go_on();
  }

  /// From all that can be waited for.
  wait_graph follow_all() {
    most_tasks_ = most_tasks_of_all;
    follows_all_ = true;
    for (const auto& [id, task] : std::map<std::uint64_t, const seen_task*>(by_id_.begin(), by_id_.end()))
      if (may_be_leaked(*task)) add(id);
    return go_on();
  }

 private:
  wait_graph go_on() {
    const auto deadline = std::chrono::steady_clock::now() + most_time;
    while (!new_.empty()) {
      std::vector<std::uint64_t> objects;
      const auto these = std::exchange(new_, {});
      for (const auto id : these)
        if (const auto object = graph_.tasks[id].object; object != 0) objects.push_back(object);
      std::sort(objects.begin(), objects.end());
      objects.erase(std::unique(objects.begin(), objects.end()), objects.end());
      std::vector<referrer> referrers;
      if (!objects.empty()) referrers = search_.find(objects, deadline);
      graph_.cut |= search_.was_cut();
      for (const auto id : these) connect(id, referrers);
    }
    return std::move(graph_);
  }

  void add(std::uint64_t id) {
    const auto known = by_id_.find(id);
    if (known == by_id_.end() || graph_.tasks.contains(id)) return;
    if (graph_.tasks.size() >= most_tasks_) {
      graph_.cut = true;
      return;
    }
    const auto& seen = *known->second;
    auto& task = graph_.tasks[id];
    task.waits_for = seen.waits_for;
    task.unnamed = seen.unnamed;
    // Of many that wait for connections of one pool each leads to all others: that tells no more than the first.
    task.followed = may_be_leaked(seen) && !(seen.unnamed && std::exchange(follows_unnamed_, true) && !follows_all_);
    if (!task.followed) return;
    if (seen.waits_for != wait_kind::tasks) {
      task.object = seen.object;
      task.beside = waiting_[seen.object] - 1;
    }
    new_.push_back(id);
  }

  void connect(std::uint64_t id, const std::vector<referrer>& referrers) {
    auto& task = graph_.tasks[id];
    if (task.object == 0) {
      task.wakers = children_[id];
      add_all(task.wakers);
      return;
    }
    // A million tasks may wait on one object.
    if (follows_all_ && graph_.objects.contains(task.object)) return;
    graph_object object;
    for (const auto& each : referrers) {
      if (each.object != task.object) continue;
      if (each.from.is != holder::kind::frame)
        object.others.push_back(each);
      else
        object.wakers.push_back(each.from.id);
    }
    add_all(object.wakers);
    if (follows_all_) {
      graph_.objects[task.object] = std::move(object);
    } else {
      task.wakers = std::move(object.wakers);
      task.others = std::move(object.others);
    }
  }

  void add_all(std::vector<std::uint64_t>& wakers) {
    std::sort(wakers.begin(), wakers.end());
    for (const auto waker : wakers) add(waker);
  }

  reference_search& search_;
  std::unordered_map<std::uint64_t, const seen_task*> by_id_;
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> children_;  ///< that are awaited
  std::unordered_map<std::uint64_t, std::uint64_t> waiting_;                ///< how many tasks wait on an object
  std::vector<std::uint64_t> new_;
  bool follows_unnamed_ = false;  ///< one of those is enough
  bool follows_all_ = false;
  std::size_t most_tasks_ = most_tasks;
  wait_graph graph_;
};

/// Tasks that nobody wakes but each other.
std::set<std::uint64_t> stuck_tasks(const wait_graph& graph) {
  std::set<std::uint64_t> stuck;
  for (const auto& [id, task] : graph.tasks)
    if (task.followed && task.others.empty() && !task.wakers.empty()) stuck.insert(id);
  const auto can_go_on = [&](std::uint64_t id) {
    const auto& wakers = graph.tasks.at(id).wakers;
    return std::any_of(wakers.begin(), wakers.end(), [&](std::uint64_t waker) { return !stuck.contains(waker); });
  };
  while (std::erase_if(stuck, can_go_on) != 0) {
  }
  return stuck;
}

/// Breadth first, so the shortest.
wait_cycle cycle_through(const wait_graph& graph, const std::set<std::uint64_t>& stuck, std::uint64_t first) {
  std::map<std::uint64_t, std::uint64_t> reached_from;
  std::vector<std::uint64_t> queue{first};
  for (std::size_t i = 0; i < queue.size() && !reached_from.contains(first); ++i)
    for (const auto next : graph.tasks.at(queue[i]).wakers)
      if (stuck.contains(next) && reached_from.emplace(next, queue[i]).second) queue.push_back(next);
  wait_cycle cycle;
  if (!reached_from.contains(first)) return cycle;
  auto at = first;
  do {
    at = reached_from[at];
    cycle.push_back({at, graph.tasks.at(at).object});
  } while (at != first);
  std::reverse(cycle.begin(), cycle.end());
  return cycle;
}

wait_story story_of(const proven_picture& seen, std::uint64_t task) {
  auto& in = *seen.in;
  wait_story story;
  story.stopped_ms = seen.proof.stopped_ms;
  const auto& tasks = in.tasks().tasks;
  const auto its = std::find_if(tasks.begin(), tasks.end(), [task](const seen_task& each) { return each.id == task; });
  story.ended = its == tasks.end() && !in.tasks().torn;
  if (its == tasks.end()) return story;
  story.version = its->version;
  for (const auto& found : seen.proof.findings)
    if (found.task == task) story.proof = seen.proof.tell(found);
  in.look_closer();
  in.erase_links();
  reference_search search(in.image(), in.heap(), in.threads(), in.words(), in.kernel(), in.tasks());
  story.graph = follower(in.tasks(), search).follow(task);
  return story;
}

/// Would registers that were not read change what is told of any of its tasks?
bool is_settled(const wait_story& story, const proof_result& proof) {
  return std::none_of(proof.findings.begin(), proof.findings.end(), [&](const judgement& each) {
    return story.graph.tasks.contains(each.task) && (each.verdict == certainty::proven || each.may_be_stale());
  });
}

}  // namespace

wait_cycle find_cycle(const wait_graph& graph, std::uint64_t task) {
  const auto stuck = stuck_tasks(graph);
  if (!stuck.contains(task)) return {};
  auto found = cycle_through(graph, stuck, task);
  for (auto at = stuck.begin(); found.empty() && at != stuck.end(); ++at) found = cycle_through(graph, stuck, *at);
  return found;
}

std::vector<wait_cycle> find_cycles(const wait_graph& graph) {
  std::set<std::uint64_t> stuck;
  for (const auto& [id, task] : graph.tasks) stuck.insert(id);
  const auto waits_for_nobody = [&](std::uint64_t id) {
    const auto& wakers = graph.tasks.at(id).wakers;
    return std::none_of(wakers.begin(), wakers.end(), [&](std::uint64_t waker) { return stuck.contains(waker); });
  };
  while (std::erase_if(stuck, waits_for_nobody) != 0) {
  }
  std::vector<wait_cycle> cycles;
  while (!stuck.empty()) {
    const auto first = *stuck.begin();
    auto found = cycle_through(graph, stuck, first);
    stuck.erase(first);
    for (const auto& step : found) stuck.erase(step.task);
    if (!found.empty()) cycles.push_back(std::move(found));
  }
  return cycles;
}

wait_graph part_of(const wait_graph& of_many, std::uint64_t task) {
  wait_graph part;
  part.cut = of_many.cut;
  bool follows_unnamed = false;
  std::vector<std::uint64_t> reached{task};
  for (std::size_t i = 0; i < reached.size(); ++i) {
    const auto known = of_many.tasks.find(reached[i]);
    if (known == of_many.tasks.end() || part.tasks.contains(reached[i])) continue;
    if (part.tasks.size() >= most_tasks) {
      part.cut = true;
      break;
    }
    auto& node = part.tasks[reached[i]] = known->second;
    if (const auto object = of_many.objects.find(node.object); object != of_many.objects.end()) {
      node.wakers = object->second.wakers;
      node.others = object->second.others;
    }
    if (node.unnamed && std::exchange(follows_unnamed, true)) {
      const auto waits_for = node.waits_for;
      node = {};
      node.waits_for = waits_for;
      node.unnamed = true;
    }
    reached.insert(reached.end(), node.wakers.begin(), node.wakers.end());
  }
  return part;
}

result<wait_graph> look_at_waits(target& from, proof_stop stop) {
  auto seen = take_proof(from, stop);
  if (!seen) return seen.why();
  if (!seen->in) seen->in = std::make_unique<scene>(*seen->taken);
  auto& in = *seen->in;
  in.look_closer();
  in.erase_links();
  const busy_with now("who points to what tasks wait on");
  reference_search search(in.image(), in.heap(), in.threads(), in.words(), in.kernel(), in.tasks());
  return follower(in.tasks(), search).follow_all();
}

result<wait_story> look_at_wait(target& from, std::uint64_t task, proof_stop stop) {
  std::optional<wait_story> first;
  auto seen = take_proof(from, stop, [&](const proven_picture& so_far) {
    first = story_of(so_far, task);
    return is_settled(*first, so_far.proof);
  });
  if (!seen) return seen.why();
  if (!seen->in) seen->in = std::make_unique<scene>(*seen->taken);
  // It was asked of a picture with sleeping threads, which need not be the last one.
  const bool is_of_first = first && seen->taken->has_sleepers();
  auto story = is_of_first ? *std::move(first) : story_of(*seen, task);
  story.unread = seen->proof.unread;
  for (const auto& found : seen->proof.findings)
    if (found.task == task) story.proof = seen->proof.tell(found);
  return story;
}

}  // namespace tasks::cli
