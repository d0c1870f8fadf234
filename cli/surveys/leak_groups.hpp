#pragma once

/// From looks at a target's tasks and a proof to groups with a verdict each.
///
///   looks ──> task_count ──> leak_groups ──> leak {verdict, group, evidence, hint} …      the worst first
///   proof ────────────────────┘

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "proof/proof.hpp"
#include "surveys/group_keys.hpp"
#include "tasks/v1/agent.pb.h"
#include "tasks/v1/view.pb.h"

namespace tasks::cli {

/// Tasks that wait, in one look at a target.
class task_count {
 public:
  explicit task_count(resolver& names) : keys_(names) {}
  void add(const v1::Chunk& chunk);
  [[nodiscard]] const std::unordered_map<group_key, std::uint64_t>& groups() const noexcept { return groups_; }
  /// Was this task there, in the same wait?
  [[nodiscard]] bool has(const v1::Task& task) const;

 private:
  group_keys keys_;
  std::unordered_map<group_key, std::uint64_t> groups_;
  std::unordered_map<std::uint64_t, std::uint64_t> resumes_;  ///< by id
};

/// Tasks with the same stack, wait and spawn site: one bug, if it is one.
struct leak {
  v1::LeakView::Verdict verdict = v1::LeakView::OLD;
  /// Of proven ones: of `group` so many are not proven themselves, but held by nothing but words that may be stale, …
  std::uint64_t likely = 0;
  std::string likely_evidence;  ///< … such as these
  std::uint64_t held = 0;       ///< … and so many more, which are not counted in `group`, are reached by other words
  v1::Group group;              ///< locations as in the last look; its wait is that of the first task
  std::vector<v1::Task> named;  ///< of its `ids` those that have a name or labels, with nothing else
  wait_cycle cycle;             ///< of proven and likely ones: one that its tasks wait in. Empty: none is known
  std::uint64_t frame_bytes = 0;
  std::string evidence, hint;
};

struct leak_options {
  std::uint64_t min_age_ms = 30'000;
  bool all = false;             ///< lists waits by design too
  double interval_seconds = 0;  ///< between the first look and the last; 0: there was but one
  bool stopped = false;         ///< the process is: whose timer has expired would have gone on
};

class leak_groups {
 public:
  /// Null: nothing was proven; and, without --interval, there were no earlier looks: `before` at its beginning,
  /// `halfway` in its middle.
  leak_groups(resolver& names, const leak_options& options, const proof_result* proof, const task_count* before,
              const task_count* halfway);

  /// A part of the last look.
  void add(const v1::Chunk& chunk);
  /// A task that a worker has run for too long; it is in the last look too.
  void set_stalled(std::uint64_t id, std::string evidence, bool computes);
  /// A task whose wait is over; it is in the last look too.
  void set_due(std::uint64_t id, std::uint64_t resumes, std::string evidence);
  /// What is wrong first, by verdict; then by count × age.
  [[nodiscard]] std::vector<leak> finish();
  /// Tasks that wait by design and were not listed by the last finish().
  [[nodiscard]] std::size_t by_design() const noexcept { return by_design_; }
  /// Tasks of a stopped process that the last finish() did not list, because they are old for that alone.
  [[nodiscard]] std::size_t would_have_gone_on() const noexcept { return would_have_gone_on_; }

 private:
  struct member {
    std::uint64_t count = 0, stayed = 0;
    std::uint64_t longest_wait_ms = 0;  ///< not counting the time for which the process alone is to blame
    std::uint64_t expired = 0;          ///< timers of a stopped process
    v1::Group group;
    std::vector<v1::Task> named;                ///< as of a leak
    std::unordered_set<std::uint64_t> objects;  ///< what proven and likely ones wait on
    const brief_finding* about = nullptr;       ///< of the first
    std::vector<const wait_cycle*> cycles;      ///< of proven and likely ones, each once, as far as they are shown
    std::uint64_t in_cycles = 0;                ///< tasks
    bool closed = false;
    bool by_design = true;                    ///< all wait so
    std::vector<const brief_finding*> stale;  ///< of those that are held by words that may be stale, the first
    std::uint64_t stale_count = 0;
  };
  void add(const v1::Task& task);
  [[nodiscard]] const brief_finding* finding_of(std::uint64_t task);
  [[nodiscard]] std::uint64_t waited_ms(const v1::Task& task) const;
  [[nodiscard]] bool grows(const group_key& key, const member& of) const;
  [[nodiscard]] std::string why_proven(const member& of) const;
  [[nodiscard]] std::string why_old(const member& of) const;
  [[nodiscard]] std::string why_likely(const member& of) const;
  void add_others(const group_key& key, leak& to);
  void add_cycle(std::uint64_t task, member& to) const;
  [[nodiscard]] task_family family_of(std::uint64_t task) const;

  leak_options options_;
  const task_count* before_;
  const task_count* halfway_;
  const proof_result* proof_;
  std::vector<const brief_finding*> findings_;                   ///< by task
  std::unordered_map<std::uint64_t, const wait_cycle*> cycles_;  ///< by task
  struct parent {
    std::uint64_t id;
    bool awaits;
  };
  std::unordered_map<std::uint64_t, parent> parents_;  ///< of tasks that are held, or awaited
  std::size_t next_finding_ = 0;                       ///< most likely, as tasks come in nearly the same order
  struct stall {
    std::string evidence;
    bool computes;
  };
  std::unordered_map<std::uint64_t, stall> stalled_;
  struct over {
    std::uint64_t resumes;
    std::string evidence;
  };
  std::unordered_map<std::uint64_t, over> over_;
  group_keys keys_;
  std::unordered_map<group_key, member> proven_, likely_, waiting_, running_, due_;
  std::size_t by_design_ = 0, would_have_gone_on_ = 0;
};

/// What usually mends it: "give the channel a buffer of 1, …". Empty: nothing comes to mind.
[[nodiscard]] std::string usual_fix(v1::LeakView::Verdict verdict, const v1::Wait& wait, bool closed);

}  // namespace tasks::cli
