#include "proof/leaked_cycles.hpp"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "proof/object_words.hpp"
#include "proof/reference_search.hpp"
#include "proof/task_states.hpp"
#include "proof/wait_graph.hpp"

namespace tasks::cli {
namespace {

constexpr std::size_t most_leaked_tasks = 1000;
constexpr std::uint64_t most_leaked_bytes = std::uint64_t{64} << 20;

class forward_search {
 public:
  forward_search(const scene& in, const marker& marks, std::span<const heap_map::object> frames,
                 const proof_result& proof)
      : image_(in.image()), heap_(in.heap()), seen_(in.tasks()), marks_(marks), frames_(frames) {
    choose(proof);
  }

  wait_graph run() {
    find_frames();
    for (const auto* task : leaked_) follow(*task);
    for (const auto& task : seen_.tasks) {
      if (!task.awaited) continue;
      const auto parent = graph_.tasks.find(task.parent);
      if (parent != graph_.tasks.end() && parent->second.object == 0) parent->second.wakers.push_back(task.id);
    }
    for (auto& [id, task] : graph_.tasks) {
      std::sort(task.wakers.begin(), task.wakers.end());
      task.wakers.erase(std::unique(task.wakers.begin(), task.wakers.end()), task.wakers.end());
    }
    return std::move(graph_);
  }

 private:
  /// Findings are in the order of the tasks.
  void choose(const proof_result& proof) {
    auto task = seen_.tasks.begin();
    for (const auto& each : proof.findings) {
      if (each.verdict != certainty::proven) continue;
      task = std::find_if(task, seen_.tasks.end(), [&](const seen_task& its) { return its.id == each.task; });
      if (task == seen_.tasks.end()) break;
      leaked_.push_back(&*task);
    }
    const auto by_age = [](const seen_task* a, const seen_task* b) { return a->id < b->id; };
    std::sort(leaked_.begin(), leaked_.end(), by_age);
    if (leaked_.size() > most_leaked_tasks) leaked_.resize(most_leaked_tasks);
    for (const auto* each : leaked_) {
      auto& node = graph_.tasks[each->id];
      node.waits_for = each->waits_for;
      node.unnamed = each->unnamed;
      node.followed = true;
      if (each->waits_for == layout::wait_kind::tasks) continue;
      node.object = each->object;
      if (const auto o = heap_.find(each->object); o != heap_map::none) waiting_.emplace(o, each);
    }
  }

  void find_frames() {
    is_frame_.resize(heap_.size());
    for (const auto o : frames_)
      if (o != heap_map::none) is_frame_[o] = true;
  }

  void follow(const seen_task& from) {
    std::unordered_set<heap_map::object> reached;
    std::vector<heap_map::object> pending;
    for (const auto frame : frames_.subspan(from.first_frame, from.frames)) {
      if (frame == heap_map::none || !reached.insert(frame).second) continue;
      pending.push_back(frame);
      tell_of_own(from, frame);
    }
    while (!pending.empty()) {
      const auto o = pending.back();
      pending.pop_back();
      const auto words = heap_.extent(o);
      if ((read_ += words.end - words.begin) > most_leaked_bytes) return;
      each_word(image_, words, [&](std::uint64_t word) {
        const auto address = word & address_bits;
        const auto to = heap_.find(address);
        if (to == heap_map::none || heap_.is_free(to) || marks_.is_marked(to)) return;
        tell(from, to, address);
        if (!is_frame_[to] && reached.insert(to).second) pending.push_back(to);
      });
    }
  }

  /// What lies in a frame is its task's.
  void tell_of_own(const seen_task& from, heap_map::object frame) {
    const auto [begin, end] = waiting_.equal_range(frame);
    for (auto at = begin; at != end; ++at)
      if (!at->second->unnamed) connect(at->second->id, from.id);
  }

  /// `from` leads to an address in `o`.
  void tell(const seen_task& from, heap_map::object o, std::uint64_t address) {
    const auto [begin, end] = waiting_.equal_range(o);
    for (auto at = begin; at != end; ++at) {
      const auto& waits = *at->second;
      if (waits.object == from.object) continue;
      if (!is_frame_[o] || (waits.unnamed ? address == waits.object : around_in_frame(waits.object).contains(address)))
        connect(waits.id, from.id);
    }
  }

  void connect(std::uint64_t task, std::uint64_t waker) {
    if (task != waker) graph_.tasks[task].wakers.push_back(waker);
  }

  const memory_image& image_;
  const heap_map& heap_;
  const seen_tasks& seen_;
  const marker& marks_;
  const std::span<const heap_map::object> frames_;
  std::vector<const seen_task*> leaked_;                                 ///< the oldest first
  std::unordered_multimap<heap_map::object, const seen_task*> waiting_;  ///< by what they wait on lies in
  std::vector<bool> is_frame_;                                           ///< of each object
  std::uint64_t read_ = 0;                                               ///< bytes
  wait_graph graph_;
};

}  // namespace

std::vector<wait_cycle> find_leaked_cycles(const scene& in, const marker& marks,
                                           std::span<const heap_map::object> frames, const proof_result& proof) {
  return find_cycles(forward_search(in, marks, frames, proof).run());
}

}  // namespace tasks::cli
