#pragma once

/// The native stacks of the threads that run tasks: the end of a task's chain of awaits that no await shows. An endless
/// loop, a blocking call and a mutex that is never unlocked are found there.

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sources/snapshot_source.hpp"
#include "surveys/running_tasks.hpp"
#include "target/native_stack.hpp"

namespace tasks::cli {

class running_stacks {
 public:
  /// Looks at tasks that have run for at least `age_ms`, without an await. Each of their threads is stopped for a
  /// moment, where the target lives, unless there are to be no stacks; names are looked up when they are asked for.
  static result<running_stacks> look(snapshot_source& source, std::uint64_t age_ms = 0, bool with_stacks = true);

  /// Those that ran all the while; oldest first.
  [[nodiscard]] const running_tasks& tasks() const noexcept { return running_; }
  /// The thread that runs such a task, in our pid namespace; 0: it is none of the target's.
  [[nodiscard]] pid_t thread_of(const running_task& task) const;
  /// What the thread does within the task. Empty: it runs no more, or could not be looked at.
  [[nodiscard]] const native_stack& stack_of(const running_task& task);
  /// Did it wait in the kernel when the look began?
  [[nodiscard]] bool sleeps(const running_task& task) const;
  /// The thread, as the target calls it, that has locked the mutex which this one waits for; 0: not known.
  [[nodiscard]] std::uint32_t owner_of_mutex(const running_task& task);
  /// Of the target, as it calls it.
  [[nodiscard]] bool has_thread(std::uint32_t inner_tid) const;
  /// That one of its threads was at the most, to be copied; 0: none was.
  [[nodiscard]] std::chrono::nanoseconds longest_stop() const noexcept { return longest_stop_; }
  /// Why stacks are missing, if they are.
  [[nodiscard]] const std::optional<std::string>& failure() const noexcept { return failure_; }

 private:
  running_stacks() = default;
  void take(const v1::RecordedFacts& then, running_tasks running);

  running_tasks running_;
  std::map<std::uint32_t, os_thread> threads_;  ///< by the id that the target calls them
  target* from_ = nullptr;                      ///< null: its threads are those of a recording
  std::set<std::uint32_t> recorded_threads_;
  std::map<std::uint32_t, std::uint32_t> recorded_owners_;  ///< of mutexes, by the thread that waits
  bool with_stacks_ = true;
  std::unique_ptr<native_stacks> stacks_;  ///< null: not asked for yet
  std::map<pid_t, native_stack> known_;
  std::optional<std::string> failure_;
  std::chrono::nanoseconds longest_stop_{0};
};

/// A worker that has run one task for too long.
struct stalled_worker {
  pid_t tid = 0;                ///< in our pid namespace
  std::uint32_t inner_tid = 0;  ///< as the target calls it
  running_task task;
  std::uint32_t resolution_ms = 0;
  std::optional<native_frame> frame;  ///< the innermost that the user wrote
  bool sleeps = false;                ///< it does not compute: it waits in the kernel
  std::string blocked_in;             ///< the function that it waits in; empty: not known
  std::string looks_up_by;            ///< the function that looks up a name; empty: it does not
  std::uint32_t owner = 0;            ///< of the mutex that it waits for, as the target calls it; 0: not known
  bool owner_exists = true;           ///< false: it ended, or stayed behind in the parent of a fork
};

/// One of its tasks, which is the innermost of its thread.
[[nodiscard]] stalled_worker look_at(running_stacks& stacks, const running_task& task);
[[nodiscard]] std::vector<stalled_worker> stalled_workers(running_stacks& stacks);
/// "blocked in pthread_mutex_lock, locked by thread 4712", "looks up a name (getaddrinfo)"; empty: it computes.
[[nodiscard]] std::string instead_of_computing(const stalled_worker& stalled);
/// "stalled: worker 4711 has run task 9 for 12s  crunch()  lab.cpp:77", with "in pthread_mutex_lock, locked by …"
/// before the place where it is blocked, or ", and looks up a name (getaddrinfo)".
[[nodiscard]] std::string finding_of(const stalled_worker& stalled);

}  // namespace tasks::cli
