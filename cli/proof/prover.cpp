#include "proof/prover.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "picture/glibc_heap.hpp"
#include "picture/heap_map.hpp"
#include "picture/picture.hpp"
#include "proof/evidence.hpp"
#include "proof/mark.hpp"
#include "proof/scene.hpp"
#include "proof/task_states.hpp"

namespace tasks::cli {
namespace {

/// Does it wait on an object, rather than for tasks?
bool has_object(const seen_task& task) { return is_channel(task.waits_for) || task.never_expires; }

/// Does it wait for ever if nobody can reach it? Who waits for tasks may be resumed by these.
bool is_woken_by_holders(const seen_task& task) { return has_object(task) || task.unnamed; }

class leak_search {
 public:
  explicit leak_search(scene& in) : scene_(in), image_(in.image()), threads_(in.threads()), seen_(in.tasks()) {}

  proof_result run() {
    proof_.tasks = seen_.tasks.size();
    proof_.doubt = doubt();
    choose();
    if (candidates_.empty() || !proof_.doubt.empty()) return finish();
    scene_.look_closer();
    proof_.arenas = scene_.allocators().arenas;
    proof_.refused_arenas = scene_.allocators().refused;
    proof_.mapped_allocations = scene_.allocators().mapped;
    proof_.objects = heap_.size();
    check();
    scene_.erase_links();
    mark();
    judge();
    return finish();
  }

 private:
  struct candidate {
    std::uint32_t task;                    ///< index in seen_.tasks
    bool alive = false;                    ///< marked, or not to be proven
    heap_map::object by = heap_map::none;  ///< the first object of it that was marked
    finding found;
  };

  std::string doubt() const {
    if (!scene_.kernel().forbids.empty()) return scene_.kernel().forbids;
    if (threads_.empty()) return "the registers of its threads are not known";
    if (!image_.unreadable().empty()) {
      const auto& first = image_.unreadable().front();
      return fmt::format("{} bytes of its memory at {:#x} could not be read", first.end - first.begin, first.begin);
    }
    if (seen_.torn) return "some tasks could not be read";
    return {};
  }

  void choose() {
    for (std::uint32_t i = 0; i < seen_.tasks.size(); ++i) {
      const auto& task = seen_.tasks[i];
      if (!may_be_leaked(task)) continue;
      candidate c{i, false, heap_map::none, {}};
      c.found.task = task.id;
      c.found.object = task.object;
      c.found.reason = proof_.doubt;
      candidates_.push_back(std::move(c));
    }
  }

  /// Sorts out what cannot be proven. Those count as alive.
  void check() {
    for (auto& c : candidates_) {
      c.found.reason = why_not(seen_.tasks[c.task], c.found);
      c.alive = !c.found.reason.empty() || c.found.verdict == certainty::held;
    }
  }

  std::string why_not(const seen_task& task, finding& found) {
    if (!task.whole) return "its stack is not known";
    for (std::uint32_t i = 0; i < task.frames; ++i) {
      const auto frame = seen_.frames[task.first_frame + i];
      constexpr auto before = sizeof(layout::frame_header);
      const auto header = image_.word(frame - before);
      if (static_cast<std::uint32_t>(header) != layout::frame_magic) return "it has a frame that is not instrumented";
      const auto object = heap_.find(frame - before);
      if (object == heap_map::none || heap_.is_free(object)) return "the allocator of its frames is not known";
      const auto memory = heap_.extent(object);
      if (frame - before < memory.begin || frame + (header >> 32) > memory.end)
        return "the allocator of its frames is not known";
    }
    if (task.unnamed) return scene_.kernel().in_flight;
    if (!has_object(task)) return {};
    const std::string what = task.never_expires ? "timer" : "channel";
    const auto object = heap_.find(task.object);
    if (object == heap_map::none) {
      found.by = found.root = holder_at(image_, threads_, task.object);
      if (found.by.is == holder::kind::memory) return "the allocator of its " + what + " is not known";
      found.verdict = certainty::held;
      if (found.by.is == holder::kind::stack) look_at_stack(task, found);
      return {};
    }
    if (heap_.is_free(object)) return "its " + what + " is gone";
    if (task.never_expires) {
      if (!scene_.timers().verify(task.object)) return "its timer could not be verified";
      const auto [known, is_new] = timer_waiters_.try_emplace(task.object);
      if (is_new) known->second = objects_of(image_, heap_, scene_.timers().first_waiter(task.object));
      return waits_in(task, known->second) ? "" : "it is not in its timer's list of waiters";
    }
    for (auto& list : scene_.channels()) {
      if (!list.verify(task.object)) continue;
      found.closed = list.is_closed(task.object);
      return waits_in(task, list.waiters(task.object)) ? "" : "it is not in its channel's list of waiters";
    }
    return "its channel could not be verified";
  }

  /// What a task waits on lies in a stack. It is still there if it is a variable that is in scope, or in the list of
  /// its service, which it leaves when it ends.
  void look_at_stack(const seen_task& task, finding& found) {
    for (const auto& variable : scene_.variables())
      if (variable.at.contains(task.object)) found.by.variable = found.root.variable = variable.name;
    auto& lists = scene_.channels();
    const bool is_listed = task.never_expires ? scene_.timers().verify(task.object)
                                              : std::any_of(lists.begin(), lists.end(),
                                                            [&](auto& list) { return list.verify(task.object); });
    found.by_stale_words = found.by.variable.empty() && !is_listed;
  }

  bool waits_in(const seen_task& task, const std::unordered_set<heap_map::object>& waiters) const {
    for (std::uint32_t i = 0; i < task.frames; ++i)
      if (waiters.contains(heap_.find(seen_.frames[task.first_frame + i]))) return true;
    return false;
  }

  void mark() {
    marker_.emplace(image_, heap_);
    for (const auto frame : seen_.frames) frames_.push_back(heap_.find(frame));
    evidence_.emplace(scene_, *marker_, frames_, variables_);
    for (const auto frame : frames_)
      if (frame != heap_map::none) marker_->set_apart(frame);
    for (std::uint32_t i = 0; i < candidates_.size(); ++i) {
      if (candidates_[i].alive) continue;
      const auto& task = seen_.tasks[candidates_[i].task];
      for (const auto frame : frames_of(task)) marker_->watch(frame, i);
      if (has_object(task)) marker_->watch(heap_.find(task.object), i);
    }
    mark_from_what_is_in_use();
    if (some_are_unmarked()) mark_from_variables();
    if (some_are_unmarked()) mark_from_what_may_be_stale();
  }

  [[nodiscard]] std::span<const heap_map::object> frames_of(const seen_task& task) const {
    return std::span(frames_).subspan(task.first_frame, task.frames);
  }

  /// What data and the kernel hold comes first: frames of tasks hold it as well, most of them by chance.
  void mark_from_what_is_in_use() {
    auto without = never_followed();
    const auto stacks = scene_.stacks();
    without.insert(without.end(), stacks.begin(), stacks.end());
    unite(without);
    marker_->add_memory(without);
    for (const auto& held : scene_.kernel().words) marker_->add(held.word, {origin::kind::kernel, held.descriptor});
    follow_marks(false);
    auto next = candidates_.begin();
    for (std::uint32_t i = 0; i < seen_.tasks.size(); ++i) {
      const bool is_candidate = next != candidates_.end() && next->task == i;
      const bool is_in_use = !is_candidate || (next->alive && !next->found.by_stale_words);
      if (is_candidate) ++next;
      if (is_in_use) add_frames(seen_.tasks[i]);
    }
    follows_frames_ = true;
    marker_->follow_all();
    follow_marks(false);
  }

  void mark_from_variables() {
    variables_ = scene_.variables();
    for (std::size_t i = 0; i < variables_.size(); ++i) {
      const auto& each = variables_[i];
      if (each.at.begin != 0)
        marker_->add_variable(each.at, {origin::kind::variable, i, each.tid});
      else
        marker_->add(each.value, {origin::kind::variable, i, each.tid});
    }
    follow_marks(false);
  }

  void mark_from_what_may_be_stale() {
    // All memory but the stacks has been followed.
    auto without = never_followed();
    std::uint64_t end = 0;
    for (const auto& stack : scene_.stacks()) {
      if (end < stack.begin) without.push_back({end, stack.begin});
      end = stack.end;
    }
    without.push_back({end, ~std::uint64_t{0}});
    unite(without);
    marker_->add_memory(without);
    for (const auto& held : scene_.words().registers) marker_->add(held.word, {origin::kind::thread, held.tid});
    for (const auto& c : candidates_)
      if (c.found.by_stale_words) add_frames(seen_.tasks[c.task]);
    follow_marks(true);
  }

  /// Memory that is no root.
  std::vector<range> never_followed() const {
    auto without = heap_.segments();
    without.insert(without.end(), seen_.slabs.begin(), seen_.slabs.end());
    const auto& unused = scene_.words().unused;
    without.insert(without.end(), unused.begin(), unused.end());
    return without;
  }

  bool some_are_unmarked() const {
    return std::any_of(candidates_.begin(), candidates_.end(),
                       [](const candidate& c) { return !c.alive || c.found.by_stale_words; });
  }

  void follow_marks(bool by_stale_words) {
    marker_->run([&](marker::watcher who, heap_map::object o) {
      auto& c = candidates_[who];
      if (c.alive) return;
      c.alive = true;
      c.by = o;
      c.found.by_stale_words = by_stale_words;
      evidence_->fill(c.found, o);
      if (follows_frames_) add_frames(seen_.tasks[c.task]);
    });
  }

  void add_frames(const seen_task& task) {
    for (const auto frame : frames_of(task)) marker_->add_apart(frame, {origin::kind::task, task.id});
    if (has_object(task)) marker_->add(task.object, {origin::kind::task, task.id});
  }

  void judge() {
    std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> awaited;  // children, by their parent
    std::unordered_map<std::uint64_t, certainty> verdicts;
    for (auto& c : candidates_) {
      if (c.by != heap_map::none)
        c.found.verdict = certainty::held;
      else if (!c.alive && is_woken_by_holders(seen_.tasks[c.task]))
        c.found.verdict = certainty::proven;
      verdicts[c.found.task] = c.found.verdict;
    }
    for (std::uint32_t i = 0; i < seen_.tasks.size(); ++i)
      if (seen_.tasks[i].awaited) awaited[seen_.tasks[i].parent].push_back(i);
    // Who waits for tasks waits for ever if they do. From the leaves upwards.
    for (bool more = true; more;) {
      more = false;
      for (auto& c : candidates_) {
        if (c.alive || c.found.verdict == certainty::proven) continue;
        const auto& children = awaited[c.found.task];
        const auto is_proven = [&](std::uint32_t child) {
          const auto known = verdicts.find(seen_.tasks[child].id);
          return known != verdicts.end() && known->second == certainty::proven;
        };
        if (children.empty() || !std::all_of(children.begin(), children.end(), is_proven)) continue;
        c.found.verdict = verdicts[c.found.task] = certainty::proven;
        more = true;
      }
    }
    for (auto& c : candidates_)
      if (c.found.verdict == certainty::unchecked && c.found.reason.empty())
        c.found.reason = "it is not known what it waits for";
    find_live_children(awaited);
  }

  /// From the leaves upwards, too.
  void find_live_children(std::unordered_map<std::uint64_t, std::vector<std::uint32_t>>& awaited) {
    std::unordered_map<std::uint64_t, const finding*> known;
    for (const auto& c : candidates_) known[c.found.task] = &c.found;
    const auto is_live = [&](std::uint32_t child) {
      const auto found = known.find(seen_.tasks[child].id);
      return found == known.end() || (found->second->verdict == certainty::held && !found->second->may_be_stale());
    };
    for (bool more = true; more;) {
      more = false;
      for (auto& c : candidates_) {
        if (is_woken_by_holders(seen_.tasks[c.task]) || c.found.verdict != certainty::held || !c.found.may_be_stale())
          continue;
        const auto& children = awaited[c.found.task];
        more |= c.found.waits_for_live = std::any_of(children.begin(), children.end(), is_live);
      }
    }
  }

  proof_result finish() {
    for (auto& c : candidates_) proof_.findings.push_back(std::move(c.found));
    count_verdicts(proof_);
    proof_.bytes_copied = image_.bytes();
    return std::move(proof_);
  }

  scene& scene_;
  const memory_image& image_;
  const std::vector<thread_registers>& threads_;
  const seen_tasks& seen_;
  const heap_map& heap_ = scene_.heap();
  std::unordered_map<std::uint64_t, std::unordered_set<heap_map::object>> timer_waiters_;  ///< by timer
  std::optional<marker> marker_;
  std::optional<evidence_finder> evidence_;
  std::vector<heap_map::object> frames_;      ///< allocations of seen_.frames
  bool follows_frames_ = false;               ///< of tasks that are found to be held, at once
  std::span<const held_variable> variables_;  ///< that were followed
  std::vector<candidate> candidates_;
  proof_result proof_;
};

}  // namespace

proof_result prove(scene& in) { return leak_search(in).run(); }

}  // namespace tasks::cli
