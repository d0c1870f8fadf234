#include "surveys/processes.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "linux/container_of.hpp"
#include "linux/proc.hpp"
#include "linux/process_ends.hpp"
#include "linux/thread_list.hpp"
#include "sources/agent_connection.hpp"
#include "sources/memory_source.hpp"
#include "surveys/busy_places.hpp"
#include "surveys/due.hpp"
#include "surveys/process_search.hpp"
#include "surveys/running_tasks.hpp"
#include "surveys/vitals.hpp"
#include "target/roots.hpp"

namespace tasks::cli {
namespace {

using clock = std::chrono::steady_clock;

/// As the default of `vitals --stalled-after`.
constexpr std::uint64_t stalled_after_ms = 1000;
/// All agents together may take so many times what one of them may be silent.
constexpr int silences = 4;

v1::ProcessView describe(const process_stat& stat) {
  v1::ProcessView view;
  view.set_pid(static_cast<std::uint32_t>(stat.pid));
  view.set_ppid(static_cast<std::uint32_t>(stat.ppid));
  view.set_executable(executable_of(stat.pid));
  view.set_name(view.executable().empty() ? stat.name : std::string(base_name(view.executable())));
  view.set_os_threads(stat.threads);
  view.set_uptime_seconds(uptime_of(stat.start_time));
  view.set_directory(directory_of(stat.pid));
  if (const auto its = container_of(stat.pid)) {
    auto& to = *view.mutable_container();
    to.set_runtime(its->runtime);
    to.set_id(its->id);
    to.set_pod(its->pod);
  }
  constexpr std::size_t most_bytes = 4096;
  std::size_t bytes = 0;
  const auto words = command_line_of(stat.pid);
  for (std::size_t i = 1; i < words.size() && (bytes += words[i].size() + 1) <= most_bytes; ++i)
    view.add_arguments(words[i]);
  return view;
}

class lister {
 public:
  using counted_by_others = std::function<const counted_process*(const process_stat&)>;

  lister(std::chrono::milliseconds timeout, process_search& search, const counted_by_others& counted)
      : timeout_(timeout), deadline_(clock::now() + silences * timeout), search_(search), by_others_(counted) {}

  v1::ListView run() {
    const std::function<bool(const process_stat&)> passes_by = [this](const process_stat& stat) {
      return by_others_ && by_others_(stat) != nullptr;
    };
    search_.find([this](found_process found) { take(std::move(found)); }, passes_by);
    collect();
    settle();
    for (const auto& stat : passed_by_) count_as_told(stat);
    mark_busy();
    v1::ListView list;
    for (auto& [pid, view] : rows_) *list.add_processes() = std::move(view);
    return list;
  }

 private:
  struct question {
    std::unique_ptr<agent_connection> connection;
    process_stat stat;
    clock::time_point last_byte;
    std::optional<v1::Vitals> vitals;
    bool asked_who_runs = false;
    running_tasks long_running;
    bool done = false, has_hung_up = false;
  };

  void take(found_process found) {
    // Which socket is whose a search has to find out by a connection, once.
    if (found.is_passed_by || (found.agent && by_others_ && by_others_(found.stat) != nullptr)) {
      passed_by_.push_back(std::move(found.stat));
      return;
    }
    if (!found.agent) {
      auto& view = add(found.stat, found.state, std::move(found.reason));
      if (found.roots) count_directly(view, *std::move(found.roots));
      return;
    }
    question q;
    q.connection = std::make_unique<agent_connection>(std::move(found.agent),
                                                      identity{found.stat.pid, found.inner_pid, found.stat.start_time});
    q.stat = std::move(found.stat);
    v1::Request request;
    request.set_protocol(protocol_version);
    request.mutable_vitals()->set_counts_only(true);
    q.connection->send(request);
    q.last_byte = clock::now();
    questions_.push_back(std::move(q));
  }

  [[nodiscard]] bool time_is_up() const { return clock::now() >= deadline_; }

  void collect() {
    std::vector<pollfd> waiting;
    std::vector<question*> asked;  // one for each of `waiting`
    while (!time_is_up()) {
      waiting.clear();
      asked.clear();
      auto soonest = deadline_;
      for (auto& q : questions_) {
        if (q.done) continue;
        if (clock::now() - q.last_byte >= timeout_ && !step(q)) {
          if (!q.done) finish(q, v1::ProcessView::SILENT, "its agent does not answer");
          continue;
        }
        if (q.done) continue;
        soonest = std::min(soonest, q.last_byte + timeout_);
        const int events = q.connection->wants_to_write() ? POLLIN | POLLOUT : POLLIN;
        waiting.push_back({q.connection->fd(), static_cast<short>(events), 0});
        asked.push_back(&q);
      }
      if (waiting.empty()) return;
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(soonest - clock::now());
      ::poll(waiting.data(), waiting.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
      for (std::size_t i = 0; i < waiting.size(); ++i) {
        if (waiting[i].revents != 0) step(*asked[i]);
      }
    }
    leave_the_rest();
  }

  /// What has come by now still counts.
  void leave_the_rest() {
    for (auto& q : questions_) {
      if (!q.done) step(q);
      if (!q.done) finish(q, v1::ProcessView::SILENT, "its agent does not finish its answer");
    }
  }

  /// Reads what there is. True: something came, or the question is done.
  bool step(question& q) {
    const auto before = q.connection->bytes_read();
    const auto progress = q.connection->on_ready([&](const v1::Response& part) {
      if (part.has_vitals()) q.vitals = part.vitals();
      for (const auto& task : part.chunk().tasks()) q.long_running.add(task);
      if (part.has_trailer()) q.long_running.resolution_ms = part.trailer().tick_resolution_ms();
      return true;
    });
    if (q.connection->bytes_read() != before) q.last_byte = clock::now();
    if (!progress) {
      finish(q, v1::ProcessView::SILENT, progress.why().fact);
    } else if (*progress == agent_connection::progress::hung_up) {
      q.done = q.has_hung_up = true;
      last_hung_up_ = clock::now();
    } else if (*progress == agent_connection::progress::done && !q.asked_who_runs && q.vitals &&
               q.vitals->running() != 0) {
      q.asked_who_runs = true;
      v1::Request request;
      request.set_protocol(protocol_version);
      *request.mutable_stacks() = ask_who_runs(stalled_after_ms);
      q.connection->send(request);
    } else if (*progress == agent_connection::progress::done) {
      finish(q, v1::ProcessView::ANSWERED, "");
    }
    return q.done || q.connection->bytes_read() != before;
  }

  /// Of those that hung up: are they about to end? All are waited for at once, while nobody else waits for an answer.
  void settle() {
    std::vector<pid_t> ending;
    for (const auto& q : questions_)
      if (q.has_hung_up) ending.push_back(q.stat.pid);
    wait_for_ends(ending, last_hung_up_ + longest_end);
    for (auto& q : questions_)
      if (q.has_hung_up) finish(q, v1::ProcessView::SILENT, q.connection->why_it_hung_up().fact);
  }

  static bool lives(const process_stat& stat) {
    const auto now = read_stat(stat.pid);
    return now && now->start_time == stat.start_time && !process_has_ended(*now);
  }

  void finish(question& q, v1::ProcessView::Agent agent, std::string reason) {
    q.done = true;
    if (agent != v1::ProcessView::ANSWERED && !lives(q.stat)) return;
    auto& view = add(q.stat, agent, std::move(reason));
    if (agent != v1::ProcessView::ANSWERED) count_directly(view, search_.roots_of(q.stat.pid));
    if (q.vitals && agent == v1::ProcessView::ANSWERED) count(q.stat.pid, *q.vitals, std::move(q.long_running), view);
  }

  void count_as_told(const process_stat& stat) {
    const auto* told = by_others_(stat);
    if (told != nullptr) count(stat.pid, told->counts, told->running, add(stat, v1::ProcessView::ANSWERED, ""));
  }

  void count(pid_t pid, const v1::Vitals& counts, running_tasks running, v1::ProcessView& view) {
    view.set_tasks(counts.tasks());
    view.set_blocked(counts.blocked());
    view.set_os_threads(counts.os_threads());
    for (auto& finding : findings_of(counts)) view.add_findings(std::move(finding));
    counted_[pid] = counts;
    add_stalled(std::move(running), view);
    if (may_be_due(pid, counts)) add_due(*live_target(pid), counts, view);
  }

  /// Who waits in a reactor, or runs, serves its tasks as far as a list can tell.
  static bool may_be_due(pid_t pid, const v1::Vitals& counted) {
    if (counted.blocked() == 0) return false;
    if (counted.workers() == 0) return true;
    const auto threads = list_threads(pid);
    return std::none_of(threads.begin(), threads.end(), [pid](const os_thread& thread) {
      if (thread.name == agents_thread) return false;
      const auto call = read_blocking_call(pid, thread.tid);
      if (thread.state != 'S' || !call) return true;
#if defined(SYS_epoll_wait)
      if (call->number == SYS_epoll_wait) return true;
#endif
      return call->number == SYS_epoll_pwait || call->number == SYS_epoll_pwait2 || call->number == SYS_io_uring_enter;
    });
  }

  static void add_due(target& from, const v1::Vitals& counted, v1::ProcessView& view) {
    const auto looked = survey_due(from, counted.workers() == 0);
    if (looked.nobody_runs && counted.workers() <= looked.left.size()) view.add_findings(no_workers(counted.blocked()));
    for (auto& finding : findings_of(looked.due)) view.add_findings(std::move(finding));
  }

  /// A task that never rests keeps a thread running, or about to.
  static bool may_have_busy(pid_t pid, const v1::Vitals& counted) {
    if (counted.tasks() == 0) return false;
    const auto threads = list_threads(pid);
    return std::any_of(threads.begin(), threads.end(),
                       [](const os_thread& thread) { return thread.name != agents_thread && thread.state == 'R'; });
  }

  /// In all processes at once. Tasks that others take part in may be of a server that works as hard as it should.
  void mark_busy() {
    std::vector<std::shared_ptr<target>> targets;
    for (const auto& [pid, counted] : counted_)
      if (may_have_busy(pid, counted)) targets.push_back(live_target(pid));
    std::vector<target*> from;
    for (const auto& each : targets) from.push_back(each.get());
    const auto found = find_busy(from);
    for (std::size_t i = 0; i < found.size(); ++i) {
      std::vector<busy_place> named;
      for (const auto& busy : found[i])
        if (busy.needs_nobody) named.push_back({busy, {}});
      auto& view = rows_[from[i]->pid()];
      view.set_blocked(blocked_without(counted_[from[i]->pid()], found[i].size()));
      for (auto& finding : findings_of(named)) view.add_findings(std::move(finding));
    }
  }

  /// As `vitals` does, but for what they do: no thread is stopped for a list.
  static void add_stalled(running_tasks running, v1::ProcessView& view) {
    keep_older(running, stalled_after_ms);
    for (const auto& task : running.tasks) {
      view.add_findings(fmt::format("stalled: a worker has run task {} for {}", task.id,
                                    format_age(task.age_ms, running.resolution_ms)));
    }
  }

  /// The counts of a process whose agent does not tell them, where its memory may be read.
  void count_directly(v1::ProcessView& view, target_roots roots) {
    if (time_is_up()) return;
    auto source = open_direct(live_target(static_cast<pid_t>(view.pid()), std::move(roots)));
    if (!source) return;
    const auto vitals = (*source)->vitals(true, [](const v1::Chunk&) { return true; });
    if (!vitals) return;
    view.set_tasks(vitals->tasks());
    view.set_blocked(vitals->blocked());
    for (auto& finding : findings_of(*vitals)) view.add_findings(std::move(finding));
    // What a stopped process does not do says nothing of its tasks.
    if (!view.stopped().empty()) return;
    counted_[static_cast<pid_t>(view.pid())] = *vitals;
    if (auto* from = (*source)->from(); from && may_be_due(from->pid(), *vitals)) add_due(*from, *vitals, view);
    if (vitals->running() == 0) return;
    if (auto running = read_running(**source, stalled_after_ms)) add_stalled(*std::move(running), view);
  }

  v1::ProcessView& add(const process_stat& stat, v1::ProcessView::Agent agent, std::string reason) {
    auto& view = rows_[stat.pid];
    view = describe(stat);
    view.set_agent(agent);
    view.set_reason(std::move(reason));
    if (const auto stop = find_stop(stat.pid)) {
      view.set_stopped(stop->words);
      if (stop->tracer != 0) view.set_tracer_pid(static_cast<std::uint32_t>(stop->tracer));
      view.add_findings("it is " + stop->words);
      if (agent == v1::ProcessView::SILENT) view.set_reason(stop->words);
    }
    return view;
  }

  std::chrono::milliseconds timeout_;
  clock::time_point deadline_;
  process_search& search_;
  const counted_by_others& by_others_;
  std::vector<process_stat> passed_by_;  ///< of whom others have told
  std::vector<question> questions_;
  clock::time_point last_hung_up_;
  std::map<pid_t, v1::ProcessView> rows_;
  std::map<pid_t, v1::Vitals> counted_;  ///< of those that go on
};

}  // namespace

v1::ListView list_processes(std::chrono::milliseconds timeout) {
  process_search search;
  return list_processes(timeout, search, {});
}

v1::ListView list_processes(std::chrono::milliseconds timeout, process_search& search,
                            const std::function<const counted_process*(const process_stat&)>& counted) {
  return lister(timeout, search, counted).run();
}

}  // namespace tasks::cli
