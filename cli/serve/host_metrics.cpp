#include "serve/host_metrics.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "base/text.hpp"
#include "linux/proc.hpp"
#include "linux/process_ends.hpp"
#include "sources/agent_connection.hpp"
#include "sources/memory_source.hpp"
#include "surveys/running_tasks.hpp"
#include "target/target.hpp"

namespace tasks::cli {
namespace {

using steady = std::chrono::steady_clock;
using lack = found_process::lack;

/// As the default of `vitals --stalled-after`.
constexpr std::uint64_t stalled_after_ms = 1000;
/// All agents together may take so many times what one of them may be silent.
constexpr int silences = 4;
/// Of one agent's answer; 20,000 tasks, or as many groups, take a fifth of it.
constexpr std::uint64_t most_answer_bytes = std::uint64_t{64} << 20;
/// One that was silent at the look before is waited for so many times shorter.
constexpr int shorter = 10;

double seconds_since(steady::time_point begin) { return std::chrono::duration<double>(steady::now() - begin).count(); }

/// In hundredths, as exactly as the kernel tells it; two askers may differ by one.
double began_at(const process_stat& stat) {
  using namespace std::chrono;
  const auto now = duration<double>(system_clock::now().time_since_epoch()).count();
  return std::round((now - uptime_of(stat.start_time)) * 100) / 100;
}

/// What one process answered: its agent, or its registry.
struct full_answer {
  std::optional<v1::Vitals> vitals;
  std::vector<v1::Chunk> parts;
  v1::Trailer trailer;
  running_tasks running;
};

/// What code addresses of a process are called. Debug information is read once for each of them, and not kept: it takes
/// more memory than all else that is known of a process. Where a library was unloaded and another is in its place, its
/// frames that have not awaited yet are misnamed.
class known_code {
 public:
  void learn(pid_t pid, const std::vector<v1::Chunk>& parts) {
    constexpr int most_addresses = 1000;
    if (facts_.code_size() > most_addresses) *this = {};
    std::shared_ptr<target> from;
    for (const auto& part : parts) {
      for (const auto& location : part.locations()) {
        if (location.address() == 0 || !addresses_.insert(location.address()).second) continue;
        if (!from) from = live_target(pid);
        auto& code = *facts_.add_code();
        code.set_address(location.address());
        for (auto& each : from->names().resolve(location.address())) {
          auto& function = *code.add_functions();
          function.set_function(std::move(each.function));
          function.set_file(std::move(each.file));
          function.set_line(each.line);
        }
      }
    }
  }
  [[nodiscard]] const v1::RecordedFacts& facts() const noexcept { return facts_; }

 private:
  v1::RecordedFacts facts_;  ///< nothing but code
  std::set<std::uint64_t> addresses_;
};

/// Answers what has been answered already. It has no target: who has one looks up every descriptor.
class answered_source final : public snapshot_source {
 public:
  answered_source(pid_t pid, const full_answer& answer, const known_code& code)
      : pid_(pid), answer_(answer), code_(code) {}
  [[nodiscard]] pid_t pid() const override { return pid_; }
  [[nodiscard]] target* from() const override { return nullptr; }
  [[nodiscard]] const v1::RecordedFacts* recorded() const override { return &code_.facts(); }
  [[nodiscard]] std::string description() const override { return "answer of " + subject_of(pid_); }
  result<v1::Vitals> vitals(bool, const chunk_visitor&) override { return *answer_.vitals; }
  result<v1::Trailer> stacks(const v1::StacksRequest&, const chunk_visitor& visit) override {
    for (const auto& part : answer_.parts)
      if (!visit(part)) return v1::Trailer();
    return answer_.trailer;
  }

 private:
  pid_t pid_;
  const full_answer& answer_;
  const known_code& code_;
};

/// The question after the vitals, as glances ask it.
v1::StacksRequest ask_for_groups(const v1::Vitals& vitals) {
  v1::StacksRequest query;
  query.set_grouped(vitals.tasks() > glances::most_tasks_read);
  return query;
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
    of_.search_.find([this](found_process found) { take(std::move(found)); });
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
    enum class step { vitals, groups, who_runs, done };
    std::unique_ptr<agent_connection> connection;
    process_stat stat;
    steady::duration patience;
    steady::time_point last_byte;
    step at = step::vitals;
    full_answer answer;
  };
  struct unanswered {
    process_stat stat;
    std::optional<target_roots> roots;  ///< nothing: they are looked for
  };

  void take(found_process found) {
    auto& its = watch(found.stat);
    if (of_.options_.chosen && !of_.options_.chosen(its.name)) {
      of_.watched_.erase(found.stat.pid);
      return;
    }
    auto& row = rows_[found.stat.pid];
    describe(found.stat, its, row);
    if (!found.agent) return take_without_agent(std::move(found), row);
    question q;
    q.connection = std::make_unique<agent_connection>(std::move(found.agent),
                                                      identity{found.stat.pid, found.inner_pid, found.stat.start_time});
    q.stat = std::move(found.stat);
    q.patience = its.was_silent ? timeout_ / shorter : timeout_;
    v1::Request request;
    request.mutable_vitals()->set_counts_only(true);
    send(q, std::move(request));
    q.last_byte = steady::now();
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
    auto executable = executable_of(stat.pid);
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
    to.counts.set_os_threads(stat.threads);
    to.counts.set_rss_bytes(stat.rss_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
    const auto ticks_per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    its.counters.cpu_ms = std::max(its.counters.cpu_ms, stat.cpu_ticks * 1000 / ticks_per_second);
    to.counters.cpu_ms = its.counters.cpu_ms;
    if (!its.leaks) return;
    to.leaks = its.leaks->found;
    to.leaks->age_seconds = seconds_since(its.leaks->at);
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
    if (q.connection->has_hung_up()) {
      q.at = question::step::done;
      q.connection.reset();
      hung_up_.push_back(q.stat);
      last_hung_up_ = steady::now();
      return true;
    }
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
    if (!progress || q.connection->bytes_read() > most_answer_bytes)
      finish(q, "failed");
    else if (*progress == agent_connection::progress::done)
      go_on(q);
    return q.at == question::step::done || q.connection->bytes_read() != before;
  }

  void go_on(question& q) {
    if (!q.answer.vitals) return finish(q, "failed");
    if (q.at == question::step::vitals) {
      v1::Request request;
      *request.mutable_stacks() = ask_for_groups(*q.answer.vitals);
      q.at = question::step::groups;
      return send(q, std::move(request));
    }
    const bool told_groups = ask_for_groups(*q.answer.vitals).grouped();
    if (q.at == question::step::groups && told_groups && q.answer.vitals->running() != 0) {
      v1::Request request;
      *request.mutable_stacks() = ask_who_runs(stalled_after_ms);
      q.at = question::step::who_runs;
      return send(q, std::move(request));
    }
    q.at = question::step::done;
    auto& its = *of_.watched_.at(q.stat.pid);
    its.was_silent = its.has_failed = false;
    if (const auto instance = q.connection->hello().instance(); instance != its.instance) {
      if (its.instance != 0) its.begin_anew();
      its.instance = instance;
    }
    q.connection.reset();
    fill(q.stat.pid, std::exchange(q.answer, {}), process_metrics::teller::agent);
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
    full_answer answer;
    auto vitals = (*source)->vitals(true, [](const v1::Chunk&) { return true; });
    if (!vitals) return;
    const auto query = ask_for_groups(*vitals);
    auto trailer = (*source)->stacks(query, [&](const v1::Chunk& chunk) {
      answer.parts.push_back(chunk);
      for (const auto& task : chunk.tasks()) answer.running.add(task);
      return true;
    });
    if (!trailer) return;
    answer.running.resolution_ms = trailer->tick_resolution_ms();
    if (query.grouped() && vitals->running() != 0)
      if (auto running = read_running(**source, stalled_after_ms)) answer.running = *std::move(running);
    answer.vitals = *std::move(vitals);
    answer.trailer = *std::move(trailer);
    fill(pid, answer, process_metrics::teller::memory);
  }

  void fill(pid_t pid, full_answer answer, process_metrics::teller by) {
    auto& its = *of_.watched_.at(pid);
    auto& to = rows_[pid];
    its.code.learn(pid, answer.parts);
    answered_source source(pid, answer, its.code);
    auto seen = its.seen.look(source);
    if (!seen) return;
    to.told_by = by;
    to.resolution_ms = seen->resolution_ms;
    to.groups = std::move(seen->groups);
    to.counts = std::move(seen->vitals);
    its.counters.raise(to.counts);
    to.counters = its.counters;
    for (const auto& group : to.groups) its.resumes += group.resumed.value_or(0);
    if (to.counts.tasks() <= glances::most_tasks_read) to.resumes = its.resumes;
    keep_older(answer.running, stalled_after_ms);
    std::set<std::uint32_t> stalled;
    for (const auto& task : answer.running.tasks) stalled.insert(task.thread);
    // What a stopped process does not do says nothing of its tasks.
    if (to.reason != "stopped") to.stalled_workers = stalled.size();
  }

  metrics_collector& of_;
  steady::duration timeout_;
  steady::time_point deadline_;
  std::vector<question> questions_;
  std::vector<process_stat> hung_up_;
  steady::time_point last_hung_up_;
  std::vector<unanswered> without_agent_;
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
