#pragma once

/// One look at who should have been resumed, and at what every thread runs.

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "linux/descriptors.hpp"
#include "linux/thread_places.hpp"
#include "proof/asio_schedulers.hpp"
#include "surveys/due.hpp"
#include "target/registry_reader.hpp"
#include "target/target.hpp"

namespace tasks::cli {

/// What has been over for less is a matter of load.
inline constexpr std::uint64_t due_after_ms = 1000;

class due_look {
 public:
  /// Reads the tasks. `asked`: as of survey_due().
  explicit due_look(target& from, std::uint64_t asked = 0);

  /// Could anything be found? Some timer expired long ago, a handler was posted long ago, or nobody waits in the
  /// scheduler of a task that waits.
  [[nodiscard]] bool is_worth_it();
  /// Finds the threads, and what they run.
  void gather();
  /// Tasks whose waits seem to be over, and who is in the way. Of a live process: as far as one look can tell. By id.
  [[nodiscard]] std::vector<due_task> finish();

  /// Threads that have run tasks, and are in no scheduler's run() or poll(): how often each has been given a CPU, by
  /// its number in the target. Valid after gather().
  [[nodiscard]] std::unordered_map<std::uint32_t, std::uint64_t> without_work();
  /// Tasks wait for what schedulers would tell them, and nobody runs any of those. Valid after gather().
  [[nodiscard]] bool nobody_runs();

 private:
  struct waiting_task {
    target_task task;
    std::uint64_t scheduler = 0;  ///< of what it waits on; 0: not known
    std::uint64_t timer_ms = 0;   ///< since a timer of its expired, which is still in the reactor's queue; 0: none has
  };
  /// An operation that owns a task, in a queue.
  struct queued_operation {
    std::uint64_t address;
    std::uint64_t queue;     ///< a scheduler, or a strand
    std::uint64_t function;  ///< that completes it
    std::size_t before;      ///< so many others
  };
  using queued_operations = std::unordered_map<std::uint64_t, std::vector<queued_operation>>;  ///< by task
  struct obstacle {
    std::string reason;
    std::uint64_t behind = 0;
    bool lasting = false;      ///< for a second or more, as one look can tell
    std::uint32_t worker = 0;  ///< who is behind, if one thread is
  };

  [[nodiscard]] std::uint64_t expired_for(const detail::wait_copy& wait, std::uint64_t age_ms) const;
  [[nodiscard]] std::uint64_t expired_for(const target_task& task) const;
  void find_threads();
  [[nodiscard]] bool is_served(std::uint64_t scheduler);
  [[nodiscard]] bool may_never_begin();
  void find_contexts(const target_task& task);
  void name_contexts();
  void name_context(std::uint64_t executors);
  void find_owner(std::uint64_t operation, std::uint64_t queue, std::size_t before, queued_operations& to);
  [[nodiscard]] const queued_operation* operation_of(const queued_operations& operations, std::uint64_t task);
  void look_at(const waiting_task& each);
  [[nodiscard]] bool is_queued(const detail::wait_copy& wait);
  void find_what_has_come(const target_task& task, due_task& to);
  [[nodiscard]] bool may_have_missed();
  [[nodiscard]] std::uint32_t resting_worker(std::uint64_t scheduler) const;
  [[nodiscard]] std::optional<std::vector<std::uint32_t>> runners_of(std::uint64_t scheduler);
  [[nodiscard]] std::uint32_t inner_tid(std::uint32_t tid) const;
  [[nodiscard]] const target_task* task_on(std::uint32_t tid);
  [[nodiscard]] obstacle find_obstacle(std::uint64_t scheduler, const scheduler_state& state);
  [[nodiscard]] obstacle holder_of(std::uint64_t strand);

  target& from_;
  std::uint64_t asked_;
  const memory& bytes_;
  bool moves_;
  asio_schedulers schedulers_;
  descriptor_table descriptors_;
  registry_reader registry_;
  std::uint64_t now_ = 0;
  std::optional<std::int64_t> wall_ns_;
  std::vector<target_task> running_;
  std::vector<waiting_task> waiting_;
  std::vector<waiting_task> not_begun_;                      ///< spawned, and never resumed: since when is not known
  std::size_t wait_for_schedulers_ = 0;                      ///< tasks that wait, and not for other tasks
  std::unordered_map<std::uint64_t, std::uint64_t> owners_;  ///< tasks, by Asio's pointer to their outermost coroutine
  std::unordered_map<std::uint64_t, bool> served_, resumes_;
  std::unordered_set<std::uint64_t> seen_;                   ///< what was taken for a context
  std::unordered_map<std::uint64_t, std::string> contexts_;  ///< what they are, by scheduler; missing: not known
  std::vector<strand_state> strands_;
  thread_places places_;
  calls_of_threads calls_;
  queued_operations posted_, held_back_;
  std::unordered_map<std::uint64_t, obstacle> obstacles_;
  /// Schedulers of which one thread waits in the reactor, all others for handlers, and there is none.
  std::unordered_set<std::uint64_t> at_rest_;
  std::unordered_map<std::uint32_t, std::uint32_t> inner_;
  std::vector<due_task> found_;
};

}  // namespace tasks::cli
