#pragma once

/// Runs of tasks that take too long, caught while they last.
///
///   poll(): whom each thread runs, and since when
///             nearly too long ──> the thread's stack is copied, for which it is stopped for a moment
///             over            ──> told, if it was too long, with how long that was
///             lasts           ──> told once, when it has for a second
///
/// One that began before runs were timed is told once, with its age.
/// Who polls four times in what is too long misses none that is seen at all; one that is over just then has no stack.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sources/chunk_maker.hpp"
#include "sources/snapshot_source.hpp"
#include "surveys/resolver.hpp"
#include "target/native_stack.hpp"
#include "target/registry_reader.hpp"
#include "target/timed_runs.hpp"

namespace tasks::cli {

struct slow_run {
  std::uint64_t ns = 0;      ///< how long it took, or has so far
  bool lasts = false;        ///< it is not over
  bool is_exact = true;      ///< false: at least so long; the task ended with it, or has run again since
  std::uint32_t thread = 0;  ///< as the target calls it
  v1::Task task;             ///< while it ran
  native_stack stack;        ///< of the thread, within the task and below; empty: it was over before it could be copied
};

class slow_watch {
 public:
  /// Both must outlive it; the source's runs are timed. `over`: from how long on a run is too long.
  slow_watch(snapshot_source& source, target& from, std::chrono::nanoseconds over);
  /// Those that began before runs were timed, have lasted for a second and last. To be asked for once a second, until
  /// whatever runs began since.
  [[nodiscard]] std::vector<slow_run> find_older();
  slow_watch(const slow_watch&) = delete;
  slow_watch& operator=(const slow_watch&) = delete;

  /// How often poll() is to be called.
  [[nodiscard]] std::chrono::nanoseconds period() const noexcept { return period_; }
  /// Those that are to be told now. Nothing: runs are timed no more.
  [[nodiscard]] std::optional<std::vector<slow_run>> poll();
  /// Knows the places of all tasks that were told.
  [[nodiscard]] resolver& names() noexcept { return names_; }
  /// Why stacks are missing, if they are. Empty: they are not.
  [[nodiscard]] const std::string& refusal() const noexcept { return refusal_; }

 private:
  struct watched {
    timed_run run;
    slow_run told;
    bool has_been_told = false;
  };

  void begin(const timed_run& run);
  [[nodiscard]] bool copy(watched& to);
  [[nodiscard]] pid_t thread_of(std::uint32_t inner);
  void finish(watched& over, std::vector<slow_run>& to);

  snapshot_source& source_;
  target& from_;
  std::chrono::nanoseconds over_, period_;
  timed_runs runs_;
  registry_reader reader_;
  chunk_visitor visit_;
  chunk_maker maker_;
  v1::Task made_;
  resolver names_;
  native_stacks stacks_;
  std::vector<os_thread> threads_;
  std::vector<watched> watched_;
  std::vector<std::uint64_t> older_;  ///< ids of tasks that find_older() has told
  std::string refusal_;
};

}  // namespace tasks::cli
