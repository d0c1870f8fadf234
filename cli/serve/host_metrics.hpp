#pragma once

/// What is known of every process with tasks at one look: what /metrics tells.
///
///   process_search ──> agents, all asked at once ──> vitals, then groups ──┐
///                 ├──> looked at within the last second: a snapshot, or the look before ──┤
///                 └──> without an agent: their registries ────────────────┴──> glances ──> process_metrics …
///
/// Counters are kept between looks, so that they never fall while a process lives.

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "serve/kept_looks.hpp"
#include "serve/look_turns.hpp"
#include "surveys/glance.hpp"
#include "surveys/process_search.hpp"
#include "surveys/running_tasks.hpp"
#include "tasks/v1/agent.pb.h"
#include "tasks/v1/view.pb.h"

namespace tasks::cli {

/// Tasks by verdict, of when somebody last looked for leaks.
struct leak_metrics {
  std::vector<std::pair<std::string_view, std::uint64_t>>
      tasks;               ///< "proven", "growing", …: each verdict, also of none
  double age_seconds = 0;  ///< of that look
};

/// Since its start, or since the program that it executes was begun.
struct process_counters {
  std::uint64_t spawned = 0, ended = 0, failed = 0, cancelled = 0, lost = 0, cpu_ms = 0;

  /// An agent counts one after the other while tasks begin and end, and a look may find less than the one before: none
  /// ever falls.
  void raise(const v1::Vitals& counted);
};

struct process_metrics {
  /// Who told. Memory: its agent did not, and its registry was read. Nobody: see `reason`.
  enum class teller { agent, memory, nobody };

  pid_t pid = 0;  ///< in our pid namespace
  std::string name, executable;
  std::uint64_t start_time = 0;  ///< clock ticks from boot
  double started_at = 0;         ///< seconds since the epoch, the same at every look
  teller told_by = teller::nobody;
  /// Why its agent did not: "no-agent", "no-hook", "denied", "silent", "stopped", "failed". Empty: it did.
  std::string_view reason;
  /// Of one of which nobody told, only os_threads and rss_bytes, which /proc tells.
  v1::Vitals counts;
  std::chrono::steady_clock::time_point counted_at;  ///< of one of which somebody told: not before then
  std::vector<glance_group> groups;                  ///< every task is in one; unless nobody told
  std::uint32_t resolution_ms = 0;                   ///< how old an age may be
  running_tasks running;                             ///< those that have run for longer than a second
  std::uint64_t stalled_workers = 0;                 ///< threads that run them
  process_counters counters;                         ///< of one of which nobody told, only cpu_ms
  /// Since the first look at it, as far as looks have seen. Nothing: it has too many tasks for that now.
  std::optional<std::uint64_t> resumes;
  std::optional<leak_metrics> leaks;  ///< nothing: nobody has looked
};

struct host_metrics {
  std::vector<process_metrics> processes;  ///< by pid
  std::chrono::steady_clock::time_point taken_at;
  double look_seconds = 0;                           ///< that the look took
  std::uint64_t looks = 0;                           ///< so far
  std::map<std::string_view, std::uint64_t> errors;  ///< so far, by reason: "denied", "silent", "failed"
};

struct collector_options {
  /// An agent that sends no byte for so long, or has not finished after four times that, is silent; one that was
  /// silent at the look before is waited for a tenth of it.
  std::chrono::milliseconds timeout{1000};
  /// Processes to look at, by what they are called; null: all.
  std::function<bool(const std::string& name)> chosen{};
  /// Who may be asked now. One that may not be is told of by a snapshot, or by what was counted within the last two
  /// seconds. One that was never seen is waited for, two seconds at most; one whose counts are older, until it is its
  /// turn. Null: each look asks. Outlives the collector.
  look_turns* turns = nullptr;
  /// A snapshot of within the last second. Null: there are none.
  std::function<std::shared_ptr<kept_look>(pid_t pid, std::uint64_t start_time)> snapshot{};
};

/// Any thread may ask; looks are made one at a time.
class metrics_collector {
 public:
  explicit metrics_collector(collector_options options = {});
  metrics_collector(const metrics_collector&) = delete;
  metrics_collector& operator=(const metrics_collector&) = delete;
  ~metrics_collector();

  /// What was seen less than `max_age` before, or a new look. Who asks during a look waits for it, and gets what it
  /// finds. Never null. Takes as long as the slowest process, at most four times the timeout and half a second.
  [[nodiscard]] std::shared_ptr<const host_metrics> look(std::chrono::milliseconds max_age);
  /// Somebody has looked for leaks in it. Of a process that is not known yet, or that has another start time, nothing
  /// is kept.
  void keep_leaks(pid_t pid, std::uint64_t start_time, const v1::LeaksView& found);

 private:
  class one_look;
  struct watched;

  collector_options options_;
  std::mutex lock_;  ///< guards all that follows
  process_search search_;
  std::map<pid_t, std::unique_ptr<watched>> watched_;
  std::map<std::string_view, std::uint64_t> errors_;
  std::uint64_t looks_ = 0;
  std::shared_ptr<const host_metrics> last_;
};

}  // namespace tasks::cli
