#include "proof/prover.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "picture/heap_map.hpp"
#include "picture/picture.hpp"
#include "proof/evidence.hpp"
#include "proof/leaked_cycles.hpp"
#include "proof/mark.hpp"
#include "proof/preview.hpp"
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
    for (const auto frame : seen_.frames) frames_.push_back(heap_.find(frame));
    check();
    scene_.erase_links();
    // What no root leads to matters only of those that are not known to be alive.
    if (!std::all_of(candidates_.begin(), candidates_.end(), [](const candidate& c) { return c.alive; })) mark();
    judge();
    return finish();
  }

 private:
  /// What proof_.findings has one of, in the same order.
  struct candidate {
    std::uint32_t task;                    ///< index in seen_.tasks
    heap_map::object by = heap_map::none;  ///< the first object of it that was marked
    bool alive = false;                    ///< marked, or not to be proven
  };
  static constexpr std::uint32_t no_candidate = ~std::uint32_t{0};

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
    const auto doubt = proof_.number_of(proof_.doubt);
    for (std::uint32_t i = 0; i < seen_.tasks.size(); ++i) {
      const auto& task = seen_.tasks[i];
      if (!may_be_leaked(task)) continue;
      candidates_.push_back({i});
      auto& found = proof_.findings.emplace_back();
      found.task = task.id;
      found.object = task.object;
      found.reason = doubt;
    }
  }

  /// Sorts out what cannot be proven. Those count as alive.
  void check() {
    constexpr std::size_t soon = 8;
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      if (i + soon < candidates_.size()) prefetch_headers(seen_.tasks[candidates_[i + soon].task]);
      auto& found = proof_.findings[i];
      found.reason = proof_.number_of(why_not(seen_.tasks[candidates_[i].task], found));
      candidates_[i].alive = found.reason != 0 || found.verdict == certainty::held;
    }
  }

  void prefetch_headers(const seen_task& task) const {
    for (const auto frame : std::span(seen_.frames).subspan(task.first_frame, task.frames))
      image_.prefetch(frame - sizeof(layout::frame_header));
  }

  std::string why_not(const seen_task& task, brief_finding& found) {
    if (!task.whole) return "its stack is not known";
    for (std::uint32_t i = 0; i < task.frames; ++i) {
      const auto frame = seen_.frames[task.first_frame + i];
      const auto object = frames_[task.first_frame + i];
      if (object == heap_map::none || heap_.is_free(object)) return "the allocator of its frames is not known";
      if (!has_headers_) continue;
      constexpr auto before = sizeof(layout::frame_header);
      const auto header = image_.word(frame - before);
      if (static_cast<std::uint32_t>(header) != layout::frame_magic) return "it has a frame that is not instrumented";
      const auto memory = heap_.extent(object);
      if (frame - before < memory.begin || frame + (header >> 32) > memory.end)
        return "the allocator of its frames is not known";
    }
    if (task.unnamed) return scene_.kernel().in_flight;
    if (!has_object(task)) return {};
    const std::string what = task.never_expires ? "timer" : "channel";
    const auto object = heap_.find(task.object);
    if (object == heap_map::none) {
      const auto& its = place_of(task);
      found.by = found.root = its.who;
      if (proof_.holders[its.who].is == holder::kind::memory) return "the allocator of its " + what + " is not known";
      found.verdict = certainty::held;
      found.by_stale_words = its.may_be_stale;
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

  /// Where an object lies that is in no heap.
  struct place {
    std::uint32_t who = 0;  ///< of proof_.holders
    bool may_be_stale = false;
  };

  /// Many tasks may wait on one object.
  const place& place_of(const seen_task& task) {
    const auto [known, is_new] = places_.try_emplace({task.object, task.never_expires});
    if (is_new) known->second = find_place(task);
    return known->second;
  }

  /// In a stack it is still there if it is a variable that is in scope, or in the list of its service, which it leaves
  /// when it ends.
  place find_place(const seen_task& task) {
    auto who = holder_at(image_, threads_, task.object);
    bool may_be_stale = false;
    if (who.is == holder::kind::stack) {
      for (const auto& variable : scene_.variables())
        if (variable.at.contains(task.object)) who.variable = variable.name;
      auto& lists = scene_.channels();
      const bool is_listed = task.never_expires ? scene_.timers().verify(task.object)
                                                : std::any_of(lists.begin(), lists.end(),
                                                              [&](auto& list) { return list.verify(task.object); });
      may_be_stale = who.variable.empty() && !is_listed;
    }
    return {proof_.number_of(std::move(who)), may_be_stale};
  }

  /// `waiters`: sorted.
  bool waits_in(const seen_task& task, const std::vector<heap_map::object>& waiters) const {
    const auto frames = frames_of(task);
    return std::any_of(frames.begin(), frames.end(),
                       [&](auto frame) { return std::binary_search(waiters.begin(), waiters.end(), frame); });
  }

  void mark() {
    marker_.emplace(image_, heap_);
    evidence_.emplace(scene_, *marker_, frames_, variables_, proof_);
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

  [[nodiscard]] brief_finding& found_of(const candidate& c) {
    return proof_.findings[static_cast<std::size_t>(&c - candidates_.data())];
  }
  [[nodiscard]] const brief_finding& found_of(const candidate& c) const {
    return proof_.findings[static_cast<std::size_t>(&c - candidates_.data())];
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
      const bool is_in_use = !is_candidate || (next->alive && !found_of(*next).by_stale_words);
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
      if (found_of(c).by_stale_words) add_frames(seen_.tasks[c.task]);
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
                       [this](const candidate& c) { return !c.alive || found_of(c).by_stale_words; });
  }

  void follow_marks(bool by_stale_words) {
    marker_->run([&](marker::watcher who, heap_map::object o) {
      auto& c = candidates_[who];
      if (c.alive) return;
      c.alive = true;
      c.by = o;
      found_of(c).by_stale_words = by_stale_words;
      evidence_->fill(found_of(c), o);
      if (follows_frames_) add_frames(seen_.tasks[c.task]);
    });
  }

  void add_frames(const seen_task& task) {
    for (const auto frame : frames_of(task)) marker_->add_apart(frame, {origin::kind::task, task.id});
    add_unaligned(task);
    if (has_object(task)) marker_->add(task.object, {origin::kind::task, task.id});
  }

  void add_unaligned(const seen_task& task) {
    const auto& parts = scene_.unaligned();
    if (parts.empty()) return;
    for (std::uint32_t i = 0; i < task.frames; ++i) {
      const auto known = parts.find(seen_.frames[task.first_frame + i]);
      if (known == parts.end()) continue;
      std::uint64_t word = 0;
      for (const auto& part : known->second)
        for (auto at = part.begin; at + sizeof word <= part.end; ++at)
          if (image_.read(at, &word, sizeof word) == sizeof word) marker_->add(word, {origin::kind::task, task.id});
    }
  }

  void judge() {
    for (const auto& c : candidates_) {
      if (c.by != heap_map::none)
        found_of(c).verdict = certainty::held;
      else if (!c.alive && is_woken_by_holders(seen_.tasks[c.task]))
        found_of(c).verdict = certainty::proven;
    }
    find_children();
    // Who waits for tasks waits for ever if they do. From the leaves upwards.
    const auto is_proven = [this](const child& each) {
      return each.candidate != no_candidate && proof_.findings[each.candidate].verdict == certainty::proven;
    };
    for (bool more = !children_.empty(); more;) {
      more = false;
      for (const auto& c : candidates_) {
        if (c.alive || found_of(c).verdict == certainty::proven) continue;
        const auto children = children_of(found_of(c).task);
        if (children.empty() || !std::all_of(children.begin(), children.end(), is_proven)) continue;
        found_of(c).verdict = certainty::proven;
        more = true;
      }
    }
    for (auto& found : proof_.findings)
      if (found.verdict == certainty::unchecked && found.reason == 0)
        found.reason = proof_.number_of("it is not known what it waits for");
    find_live_children();
  }

  /// From the leaves upwards, too.
  void find_live_children() {
    const auto is_live = [this](const child& each) {
      if (each.candidate == no_candidate) return true;
      const auto& found = proof_.findings[each.candidate];
      return found.verdict == certainty::held && !found.may_be_stale();
    };
    for (bool more = !children_.empty(); more;) {
      more = false;
      for (const auto& c : candidates_) {
        auto& found = found_of(c);
        if (is_woken_by_holders(seen_.tasks[c.task]) || !found.may_be_stale()) continue;
        const auto children = children_of(found.task);
        more |= found.waits_for_live = std::any_of(children.begin(), children.end(), is_live);
      }
    }
  }

  /// A task that its parent waits for.
  struct child {
    std::uint64_t parent;     ///< its id
    std::uint32_t candidate;  ///< itself, or no_candidate
    bool operator<(const child& other) const noexcept { return parent < other.parent; }
  };

  void find_children() {
    std::uint32_t next = 0;
    for (std::uint32_t i = 0; i < seen_.tasks.size(); ++i) {
      const bool is_candidate = next != candidates_.size() && candidates_[next].task == i;
      if (seen_.tasks[i].awaited) children_.push_back({seen_.tasks[i].parent, is_candidate ? next : no_candidate});
      if (is_candidate) ++next;
    }
    std::sort(children_.begin(), children_.end());
  }

  [[nodiscard]] std::span<const child> children_of(std::uint64_t parent) const {
    const auto [begin, end] = std::equal_range(children_.begin(), children_.end(), child{parent, no_candidate});
    return {begin, end};
  }

  proof_result finish() {
    count_verdicts(proof_);
    if (marker_ && proof_.proven > 1) proof_.cycles = find_leaked_cycles(scene_, *marker_, frames_, proof_);
    proof_.bytes_copied = image_.bytes();
    return std::move(proof_);
  }

  scene& scene_;
  const memory_image& image_;
  const std::vector<thread_registers>& threads_;
  const seen_tasks& seen_;
  const heap_map& heap_ = scene_.heap();
  const bool has_headers_ = scene_.has_headers();
  std::unordered_map<std::uint64_t, std::vector<heap_map::object>> timer_waiters_;  ///< by timer
  std::map<std::pair<std::uint64_t, bool>, place> places_;  ///< by object, and whether it is a timer
  std::optional<marker> marker_;
  std::optional<evidence_finder> evidence_;
  std::vector<heap_map::object> frames_;      ///< allocations of seen_.frames
  bool follows_frames_ = false;               ///< of tasks that are found to be held, at once
  std::span<const held_variable> variables_;  ///< that were followed
  std::vector<candidate> candidates_;
  std::vector<child> children_;  ///< by parent
  proof_result proof_;
};

}  // namespace

proof_result prove(scene& in) { return leak_search(in).run(); }

}  // namespace tasks::cli
