#include "serve/host_metrics.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <thread>
#include <utility>

#include "base/text.hpp"
#include "linux/proc.hpp"
#include "linux/process_ends.hpp"
#include "serve/answered_source.hpp"
#include "serve/process_answer.hpp"
#include "sources/agent_connection.hpp"
#include "sources/memory_source.hpp"
#include "target/target.hpp"

namespace tasks::cli {
namespace {

using steady = std::chrono::steady_clock;
using lack = found_process::lack;

/// All agents together may take so many times what one of them may be silent.
constexpr int silences = 4;
/// Of one agent's answer; 20,000 tasks, or as many groups, take a fifth of it.
constexpr std::uint64_t most_answer_bytes = std::uint64_t{64} << 20;
/// One that was silent at the look before is waited for so many times shorter.
constexpr int shorter = 10;
/// What was counted longer ago is not told as of now.
constexpr auto oldest_counts = 2 * look_turns::apart;

const auto bytes_per_page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
const auto ticks_per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));

double seconds_since(steady::time_point begin) { return std::chrono::duration<double>(steady::now() - begin).count(); }

/// In hundredths, as exactly as the kernel tells it; two askers may differ by one.
double began_at(const process_stat& stat) {
  using namespace std::chrono;
  const auto now = duration<double>(system_clock::now().time_since_epoch()).count();
  return std::round((now - uptime_of(stat.start_time)) * 100) / 100;
}

void count_leaks(const v1::LeaksView& found, leak_metrics& to) {
  const auto listed = [&](v1::LeakView::Verdict verdict) {
    std::uint64_t count = 0;
    for (const auto& leak : found.leaks())
      if (leak.verdict() == verdict) count += leak.count();
    return count;
  };
  to.tasks = {{"proven", found.proven()},
              {"likely", found.likely()},
              {"undecided", found.undecided()},
              {"growing", listed(v1::LeakView::GROWING)},
              {"stalled", listed(v1::LeakView::STALLED)},
              {"due", listed(v1::LeakView::DUE)},
              {"old", listed(v1::LeakView::OLD)}};
}

}  // namespace

/// What is kept of a process between looks.
struct metrics_collector::watched {
  std::uint64_t start_time = 0;
  std::string executable, name;
  double started_at = 0;
  std::uint64_t instance = 0;  ///< of its agent; 0: it has not answered yet
  glances seen;
  known_code code;
  bool was_silent = false, has_failed = false;  ///< at the look before
  /// As of the last look.
  process_counters counters;
  std::uint64_t resumes = 0;
  struct leak_look {
    leak_metrics found;
    steady::time_point at;
  };
  std::optional<leak_look> leaks;

  /// It executes another program by now, whose tasks are counted from 0.
  void begin_anew() {
    seen = {};
    code = {};
    counters = {.cpu_ms = counters.cpu_ms};  // of the process, whatever it executes
    resumes = 0;
    instance = 0;
    leaks.reset();
  }
};

class metrics_collector::one_look {
 public:
  explicit one_look(metrics_collector& of)
      : of_(of), timeout_(of.options_.timeout), deadline_(steady::now() + silences * timeout_) {}

  std::shared_ptr<const host_metrics> run() {
    const auto began = steady::now();
    of_.search_.find([this](found_process found) { take(std::move(found)); },
                     [this](const process_stat& stat) { return passes_by(stat); });
    collect();
    settle();
    for (auto& each : without_agent_) read_directly(each);
    auto made = std::make_shared<host_metrics>();
    for (auto& [pid, row] : rows_) made->processes.push_back(std::move(row));
    std::erase_if(of_.watched_, [this](const auto& each) { return !rows_.contains(each.first); });
    made->errors = of_.errors_;
    made->looks = ++of_.looks_;
    made->taken_at = steady::now();
    made->look_seconds = seconds_since(began);
    return made;
  }

 private:
  struct question {
    enum class step { vitals, groups, unwanted, who_runs, done };
    std::unique_ptr<agent_connection> connection;
    process_stat stat;
    steady::duration patience;
    steady::time_point last_byte;
    step at = step::vitals;
    bool is_asked_for_groups = false;  ///< together with the vitals
    process_answer answer;
    steady::time_point asked_at;
  };
  struct snapshot_answer {
    process_answer answer;
    steady::time_point at;
  };
  struct unanswered {
    process_stat stat;
    std::optional<target_roots> roots;  ///< nothing: they are looked for
  };

  /// Whether it is told of without being asked, since somebody looks at it already.
  bool passes_by(const process_stat& stat) {
    if (of_.options_.turns == nullptr) return false;
    if (is_in_snapshot(stat)) return true;
    if (!of_.options_.turns->take(stat.pid)) {
      const auto* before = seen_before(stat);
      return before != nullptr && steady::now() - before->counted_at < oldest_counts;
    }
    has_turn_.insert(stat.pid);
    return false;
  }

  bool is_in_snapshot(const process_stat& stat) {
    if (!of_.options_.snapshot) return false;
    const auto snapshot = of_.options_.snapshot(stat.pid, stat.start_time);
    if (!snapshot) return false;
    auto answer = answer_in(snapshot->file.get());
    if (!answer) return false;
    in_snapshots_[stat.pid] = {*std::move(answer), snapshot->at};
    return true;
  }

  /// Of one that nobody has counted yet, or not lately, and somebody looks at: waits for what that finds, or for a
  /// turn.
  void wait_for_look(const process_stat& stat) {
    const auto until = steady::now() + 2 * look_turns::apart;
    while (steady::now() < until) {
      if (of_.options_.turns->take(stat.pid) || is_in_snapshot(stat)) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    // Where a look takes longer than a second somebody always waits for the next one: only who waits, too, gets a turn.
    if (seen_before(stat) != nullptr) of_.options_.turns->wait_for(stat.pid);
  }

  /// By its agent, at the look before. Null: it was not.
  const process_metrics* seen_before(const process_stat& stat) const {
    if (!of_.last_) return nullptr;
    const auto& all = of_.last_->processes;
    const auto found = std::lower_bound(all.begin(), all.end(), stat.pid,
                                        [](const process_metrics& each, pid_t pid) { return each.pid < pid; });
    const bool is_it = found != all.end() && found->pid == stat.pid && found->start_time == stat.start_time &&
                       found->told_by == process_metrics::teller::agent;
    return is_it ? &*found : nullptr;
  }

  void take_passed_by(const process_stat& stat, watched& its, process_metrics& row) {
    if (auto told = in_snapshots_.extract(stat.pid)) {
      its.was_silent = its.has_failed = false;
      return fill(stat.pid, std::move(told.mapped().answer), process_metrics::teller::agent, told.mapped().at);
    }
    const auto* before = seen_before(stat);
    if (before == nullptr) return;
    row = *before;  // with its counted_at
    describe(stat, its, row);
  }

  void take(found_process found) {
    auto& its = watch(found.stat);
    if (of_.options_.chosen && !of_.options_.chosen(its.name)) {
      of_.watched_.erase(found.stat.pid);
      return;
    }
    auto& row = rows_[found.stat.pid];
    describe(found.stat, its, row);
    if (found.agent && of_.options_.turns != nullptr && !has_turn_.contains(found.stat.pid)) wait_for_look(found.stat);
    if (found.is_passed_by || (found.agent && in_snapshots_.contains(found.stat.pid)))
      return take_passed_by(found.stat, its, row);
    if (!found.agent) return take_without_agent(std::move(found), row);
    question q;
    q.connection = std::make_unique<agent_connection>(std::move(found.agent),
                                                      identity{found.stat.pid, found.inner_pid, found.stat.start_time});
    q.stat = std::move(found.stat);
    q.patience = its.was_silent ? timeout_ / shorter : timeout_;
    v1::Request request;
    request.mutable_vitals()->set_counts_only(true);
    request.mutable_vitals()->set_without_process(true);  // as read_stat() has told
    request.set_protocol(protocol_version);
    q.connection->queue(request);
    // What will be asked next is known from the look before: an answer less that a hundred processes are waited for.
    const auto* before = seen_before(q.stat);
    q.is_asked_for_groups = before != nullptr && before->counts.tasks() <= glances::most_tasks_read / 2;
    if (q.is_asked_for_groups)
      ask_for(q, ask_for_groups(before->counts));
    else
      q.connection->flush();
    q.asked_at = q.last_byte = steady::now();
    questions_.push_back(std::move(q));
  }

  static void send(question& q, v1::Request request) {
    request.set_protocol(protocol_version);
    q.connection->send(request);
  }

  /// Another process where the pid is used again.
  watched& watch(const process_stat& stat) {
    auto& known = of_.watched_[stat.pid];
    if (known && known->start_time != stat.start_time) known.reset();
    if (!known) {
      known = std::make_unique<watched>();
      known->start_time = stat.start_time;
      known->started_at = began_at(stat);
    }
    auto executable = executable_of(stat);
    if (executable != known->executable) known->begin_anew();
    known->executable = std::move(executable);
    known->name = known->executable.empty() ? stat.name : std::string(base_name(known->executable));
    return *known;
  }

  static void describe(const process_stat& stat, watched& its, process_metrics& to) {
    to.pid = stat.pid;
    to.name = its.name;
    to.executable = its.executable;
    to.start_time = its.start_time;
    to.started_at = its.started_at;
    its.counters.cpu_ms = std::max(its.counters.cpu_ms, stat.cpu_ticks * 1000 / ticks_per_second);
    to.counters.cpu_ms = its.counters.cpu_ms;
    count_process(stat, to.counts);
    if (!its.leaks) return;
    to.leaks = its.leaks->found;
    to.leaks->age_seconds = seconds_since(its.leaks->at);
  }

  /// What agents are not asked for.
  static void count_process(const process_stat& stat, v1::Vitals& to) {
    to.set_os_threads(stat.threads);
    to.set_rss_bytes(stat.rss_pages * bytes_per_page);
    to.set_cpu_time_ms(stat.cpu_ticks * 1000 / ticks_per_second);
    to.set_uptime_ms(static_cast<std::uint64_t>(uptime_of(stat.start_time) * 1000));
  }

  void take_without_agent(found_process found, process_metrics& row) {
    switch (found.lacks) {
      case lack::permission:
        row.reason = "denied";
        break;
      case lack::patience:
        row.reason = "silent";
        break;
      case lack::motion:
        row.reason = "stopped";
        break;
      case lack::hook:
        row.reason = "no-hook";
        return;
      case lack::agent:
      case lack::none:
        row.reason = "no-agent";
        break;
    }
    if (found.lacks == lack::permission || found.lacks == lack::patience) ++of_.errors_[row.reason];
    without_agent_.push_back({std::move(found.stat), std::move(found.roots)});
  }

  void collect() {
    std::vector<pollfd> waiting;
    std::vector<question*> asked;  // one for each of `waiting`
    for (;;) {
      waiting.clear();
      asked.clear();
      auto soonest = deadline_;
      const bool is_over = steady::now() >= deadline_;
      for (auto& q : questions_) {
        if (q.at == question::step::done) continue;
        // What has come by now still counts.
        if ((is_over || steady::now() - q.last_byte >= q.patience) && (!step(q) || is_over)) {
          if (q.at != question::step::done) finish(q, "silent");
          continue;
        }
        if (q.at == question::step::done) continue;
        soonest = std::min(soonest, q.last_byte + q.patience);
        const int events = q.connection->wants_to_write() ? POLLIN | POLLOUT : POLLIN;
        waiting.push_back({q.connection->fd(), static_cast<short>(events), 0});
        asked.push_back(&q);
      }
      if (waiting.empty()) return;
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(soonest - steady::now());
      ::poll(waiting.data(), waiting.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
      for (std::size_t i = 0; i < waiting.size(); ++i)
        if (waiting[i].revents != 0) step(*asked[i]);
    }
  }

  /// Reads what there is. True: something came, or the question is done.
  bool step(question& q) {
    const auto before = q.connection->bytes_read();
    const auto progress = q.connection->on_ready([&](const v1::Response& part) {
      if (part.has_vitals()) q.answer.vitals = part.vitals();
      if (part.has_chunk() && q.at == question::step::groups) q.answer.parts.push_back(part.chunk());
      if (part.has_trailer() && q.at == question::step::groups) q.answer.trailer = part.trailer();
      for (const auto& task : part.chunk().tasks()) q.answer.running.add(task);
      if (part.has_trailer()) q.answer.running.resolution_ms = part.trailer().tick_resolution_ms();
      return true;
    });
    if (q.connection->bytes_read() != before) q.last_byte = steady::now();
    if (progress && *progress == agent_connection::progress::hung_up) {
      q.at = question::step::done;
      q.connection.reset();
      hung_up_.push_back(q.stat);
      last_hung_up_ = steady::now();
      return true;
    }
    if (progress && *progress == agent_connection::progress::done && q.at == question::step::vitals &&
        q.is_asked_for_groups) {
      go_on(q);
      if (q.at != question::step::done) step(q);
      return true;
    }
    if (!progress || q.connection->bytes_read() > most_answer_bytes)
      finish(q, "failed");
    else if (*progress == agent_connection::progress::done)
      go_on(q);
    return q.at == question::step::done || q.connection->bytes_read() != before;
  }

  static void ask_for(question& q, const v1::StacksRequest& what) {
    v1::Request request;
    *request.mutable_stacks() = what;
    send(q, std::move(request));
  }

  void go_on(question& q) {
    if (!q.answer.vitals) return finish(q, "failed");
    if (q.at == question::step::vitals) {
      const auto groups = ask_for_groups(*q.answer.vitals);
      q.at = question::step::groups;
      if (!q.is_asked_for_groups) return ask_for(q, groups);
      // It has many more tasks than at the look before: each of them comes now, and is not wanted.
      if (groups.grouped()) q.at = question::step::unwanted;
      return;
    }
    if (q.at == question::step::unwanted) {
      q.answer.running = {};
      q.at = question::step::groups;
      return ask_for(q, ask_for_groups(*q.answer.vitals));
    }
    const bool told_groups = ask_for_groups(*q.answer.vitals).grouped();
    if (q.at == question::step::groups && told_groups && q.answer.vitals->running() != 0) {
      q.at = question::step::who_runs;
      return ask_for(q, ask_who_runs(stalled_after_ms));
    }
    q.at = question::step::done;
    auto& its = *of_.watched_.at(q.stat.pid);
    its.was_silent = its.has_failed = false;
    if (const auto instance = q.connection->hello().instance(); instance != its.instance) {
      if (its.instance != 0) its.begin_anew();
      its.instance = instance;
    }
    q.connection.reset();
    auto answer = std::exchange(q.answer, {});
    count_process(q.stat, *answer.vitals);
    fill(q.stat.pid, std::move(answer), process_metrics::teller::agent, q.asked_at);
  }

  void finish(question& q, std::string_view reason) {
    q.at = question::step::done;
    q.connection.reset();
    q.answer = {};
    give_up(q.stat, reason);
  }

  /// Of those that hung up: are they about to end? All are waited for at once, and nobody who did so before.
  void settle() {
    std::vector<pid_t> ending;
    for (const auto& stat : hung_up_)
      if (!of_.watched_.at(stat.pid)->has_failed) ending.push_back(stat.pid);
    wait_for_ends(ending, last_hung_up_ + longest_end);
    for (const auto& stat : hung_up_) give_up(stat, "failed");
  }

  /// Its memory may tell instead.
  void give_up(const process_stat& stat, std::string_view reason) {
    const auto now = read_stat(stat.pid);
    if (!now || now->start_time != stat.start_time || process_has_ended(*now)) {
      rows_.erase(stat.pid);
      return;
    }
    auto& its = *of_.watched_.at(stat.pid);
    its.was_silent = reason == "silent";
    its.has_failed = reason == "failed";
    ++of_.errors_[reason];
    rows_[stat.pid].reason = reason;
    without_agent_.push_back({*now, std::nullopt});
  }

  void read_directly(unanswered& each) {
    if (steady::now() >= deadline_) return;
    const auto pid = each.stat.pid;
    auto source = open_direct(live_target(pid, each.roots ? *std::move(each.roots) : of_.search_.roots_of(pid)));
    if (!source) return;
    const auto now = steady::now();
    if (auto answer = answer_of(**source)) fill(pid, *std::move(answer), process_metrics::teller::memory, now);
  }

  void fill(pid_t pid, process_answer answer, process_metrics::teller by, steady::time_point at) {
    auto& its = *of_.watched_.at(pid);
    auto& to = rows_[pid];
    its.code.learn(pid, answer.parts);
    answered_source source(pid, answer, its.code);
    auto seen = its.seen.look(source);
    if (!seen) return;
    to.told_by = by;
    to.counted_at = at;
    to.resolution_ms = seen->resolution_ms;
    to.groups = std::move(seen->groups);
    to.counts = std::move(seen->vitals);
    its.counters.raise(to.counts);
    to.counters = its.counters;
    for (const auto& group : to.groups) its.resumes += group.resumed.value_or(0);
    if (to.counts.tasks() <= glances::most_tasks_read) to.resumes = its.resumes;
    keep_older(answer.running, stalled_after_ms);
    // What a stopped process does not do says nothing of its tasks.
    if (to.reason == "stopped") return;
    std::set<std::uint32_t> stalled;
    for (const auto& task : answer.running.tasks) stalled.insert(task.thread);
    to.stalled_workers = stalled.size();
    to.running = std::move(answer.running);
  }

  metrics_collector& of_;
  steady::duration timeout_;
  steady::time_point deadline_;
  std::vector<question> questions_;
  std::vector<process_stat> hung_up_;
  steady::time_point last_hung_up_;
  std::vector<unanswered> without_agent_;
  std::set<pid_t> has_turn_;
  std::map<pid_t, snapshot_answer> in_snapshots_;
  std::map<pid_t, process_metrics> rows_;
};

void process_counters::raise(const v1::Vitals& counted) {
  const auto to = [](std::uint64_t& known, std::uint64_t now) { known = std::max(known, now); };
  to(spawned, counted.tasks() + counted.ended());
  to(ended, counted.ended());
  to(failed, counted.failed());
  to(cancelled, counted.cancelled());
  to(lost, counted.lost());
  to(cpu_ms, counted.cpu_time_ms());
}

metrics_collector::metrics_collector(collector_options options) : options_(std::move(options)) {}
metrics_collector::~metrics_collector() = default;

std::shared_ptr<const host_metrics> metrics_collector::look(std::chrono::milliseconds max_age) {
  const auto asked = steady::now();
  const std::lock_guard guard(lock_);
  // A look that was begun before this was asked for, and has ended since, is not older than what is wanted.
  if (last_ && (last_->taken_at >= asked || steady::now() - last_->taken_at < max_age)) return last_;
  last_ = one_look(*this).run();
  return last_;
}

void metrics_collector::keep_leaks(pid_t pid, std::uint64_t start_time, const v1::LeaksView& found) {
  const std::lock_guard guard(lock_);
  const auto known = watched_.find(pid);
  if (known == watched_.end() || known->second->start_time != start_time) return;
  auto& leaks = known->second->leaks.emplace();
  count_leaks(found, leaks.found);
  leaks.at = steady::now();
}

}  // namespace tasks::cli
