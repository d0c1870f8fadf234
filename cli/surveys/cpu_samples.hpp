#pragma once

/// Samples of threads that are on a CPU, whoever has taken them, and what they add up to.
///
///   cpu_sampling ──copied_moment──> cpu_samples ──> cpu_profile::stacks
///     by stops (surveys/cpu_stops), by perf events (surveys/cpu_events)

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "linux/cpu_times.hpp"
#include "linux/same_program.hpp"
#include "linux/thread_copy.hpp"
#include "sources/chunk_maker.hpp"
#include "surveys/cpu_profile.hpp"
#include "target/current_task.hpp"
#include "target/stack_walk.hpp"
#include "target/target.hpp"
#include "target/task_evidence.hpp"

namespace tasks::cli {

struct sampled_thread {
  timed_thread thread;
  std::uint64_t began_ns = 0;    ///< when it was first seen
  std::uint64_t sampled_ns = 0;  ///< at its last sample
  std::uint64_t seen_ns = 0;     ///< at the last tick
  cpu_usage asked{};             ///< when it was last asked to stop
  bool has_ended = false;
  // Of those that are sampled by events.
  struct seen_mark {
    std::chrono::steady_clock::time_point at;
    task_mark mark;
  };
  std::deque<seen_mark> marks{};  ///< of what it ran, newest first
  bool is_added = false;
  bool is_at_work = true;            ///< it has used CPU time between the last two ticks, or was sampled since
  std::uint64_t thread_pointer = 0;  ///< 0: not known
  std::uint64_t owed_ns = 0;         ///< CPU time that it had before it was added and that no sample weighs yet
};

/// Null: it is none of them.
[[nodiscard]] sampled_thread* find_thread(std::vector<sampled_thread>& threads, pid_t tid);

/// What a thread was doing.
struct copied_moment {
  thread_copy stack;
  later_task task;        ///< its record is 0: none
  bool is_later = false;  ///< the task was looked for when the thread had gone on
  std::vector<std::pair<std::string, std::string>> annotations;  ///< of the task: its name (first empty) and labels
  std::string thread;                                            ///< its name
  std::uint64_t weight_ns = 0;
};

class cpu_samples {
 public:
  /// Both must outlive it.
  cpu_samples(target& from, cpu_profile& made);

  /// Tells whether the target is what it was.
  [[nodiscard]] const same_program& program() const noexcept { return program_; }
  /// Null: the target has no hook.
  [[nodiscard]] current_tasks* tasks() noexcept { return tasks_ ? &*tasks_ : nullptr; }
  /// As it is now, with its name and labels.
  void take_task(const target_task& task, copied_moment& to) const;
  /// Goes through it, which takes a while: the thread should have gone on.
  void add(copied_moment& moment);
  /// What was added.
  void forget();

 private:
  using stack_key = std::tuple<std::vector<std::uint64_t>, std::string, bool, std::string>;

  [[nodiscard]] v1::Task as_message(copied_moment& moment);
  bool take(const v1::Chunk& chunk);

  cpu_profile& made_;
  same_program program_;
  stack_walker walker_;
  task_evidence evidence_;
  chunk_visitor visit_;
  std::optional<current_tasks> tasks_;
  std::optional<registry_reader> names_;
  std::optional<chunk_maker> maker_;
  v1::Task taken_;
  std::map<stack_key, std::size_t> numbers_;
};

/// A way to sample.
class cpu_sampling {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit cpu_sampling(std::chrono::nanoseconds between_ticks) : between_ticks_(between_ticks) {}
  virtual ~cpu_sampling() = default;
  [[nodiscard]] std::chrono::nanoseconds between_ticks() const noexcept { return between_ticks_; }
  /// Some time is over; threads may have come and gone.
  virtual void tick(std::vector<sampled_thread>& threads, time_point now) = 0;
  /// Until then at most. True: samples were taken.
  virtual bool wait(std::vector<sampled_thread>& threads, time_point until) = 0;
  /// It is over: what is left.
  virtual void finish(std::vector<sampled_thread>& threads) = 0;
  /// Why nothing was sampled yet; nothing: there is no reason.
  [[nodiscard]] virtual std::optional<error> refusal() const { return std::nullopt; }

 private:
  std::chrono::nanoseconds between_ticks_;
};

}  // namespace tasks::cli
