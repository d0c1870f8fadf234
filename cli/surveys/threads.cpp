#include "surveys/threads.hpp"

#include <errno.h>
#include <time.h>

#include <algorithm>

#include "sources/memory_source.hpp"
#include "target/roots.hpp"

namespace tasks::cli {
namespace {

constexpr std::string_view agent_name = "tasks-agent";

void wait_for(std::chrono::milliseconds interval) {
  timespec left = {interval.count() / 1000, interval.count() % 1000 * 1'000'000};
  while (::nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

void measure_cpu(pid_t pid, std::chrono::milliseconds interval, std::vector<surveyed_thread>& threads) {
  if (interval.count() == 0) {
    for (auto& thread : threads) thread.cpu_percent = cpu_percent(thread.what);
    return;
  }
  const auto begin = std::chrono::steady_clock::now();
  wait_for(interval);
  const auto later = list_threads(pid);
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
  for (auto& thread : threads) {
    const auto same = std::find_if(later.begin(), later.end(), [&](const os_thread& t) {
      return t.tid == thread.what.tid && t.start_time == thread.what.start_time;
    });
    if (same != later.end()) thread.cpu_percent = cpu_percent(thread.what, *same, passed.count());
  }
}

/// Threads that have run tasks, as the target calls them.
std::vector<std::uint32_t> workers_of(memory_source& target) {
  std::vector<std::uint32_t> workers;
  for (const auto& thread : target.registries().threads()) {
    if (thread.worker) workers.push_back(thread.tid);
  }
  return workers;
}

/// Empty where the target's memory may not be read.
std::vector<std::uint32_t> workers_of(pid_t pid, snapshot_source* source) {
  if (auto* opened = dynamic_cast<memory_source*>(source)) return workers_of(*opened);
  const auto opened = open_direct(pid);
  return opened ? workers_of(**opened) : std::vector<std::uint32_t>();
}

class surveyor {
 public:
  surveyor(pid_t pid, snapshot_source* source, const survey_options& options)
      : pid_(pid), source_(source), options_(options) {}

  result<thread_survey> of_process() {
    for (auto& thread : list_threads(pid_)) survey_.threads.emplace_back().what = std::move(thread);
    if (survey_.threads.empty()) return no_such_process(pid_);
    measure_cpu(pid_, options_.interval, survey_.threads);
    auto running = read_tasks();
    if (options_.stacks) {
      copy_stacks();
      keep_unchanged(running, read_tasks());
      unwind();
    }
    tell_roles(running, workers_of(pid_, source_));
    return std::move(survey_);
  }

  thread_survey of_core(memory_source& core) {
    for (const auto tid : core.facts().tids) {
      auto& what = survey_.threads.emplace_back().what;
      what.tid = static_cast<pid_t>(tid);
      what.inner_tid = tid;
    }
    const auto running = read_tasks();
    code_ = core.code();
    attached_ = true;
    if (options_.stacks) unwind();
    tell_roles(running, workers_of(core));
    return std::move(survey_);
  }

 private:
  running_tasks read_tasks() {
    if (!source_) return {};
    auto read = read_running(*source_);
    if (read) {
      survey_.resolution_ms = read->resolution_ms;
      return *std::move(read);
    }
    if (survey_.notes.empty()) survey_.notes.push_back("which tasks run is not known: " + in_words(read.why()));
    return {};
  }

  void copy_stacks() {
    std::vector<pid_t> tids;
    for (const auto& thread : survey_.threads) tids.push_back(thread.what.tid);
    copies_ = copy_threads(pid_, tids);
    survey_.longest_stop = copies_.longest_stop;
    if (copies_.refusal) survey_.notes.push_back("no native stacks: " + in_words(*copies_.refusal));
    for (std::size_t i = 0; i < tids.size(); ++i) survey_.threads[i].failure = copies_.threads[i].failure;
    code_ = source_ ? source_->code() : std::make_shared<target_code>(pid_);
    attached_ = attach(*code_, copies_.threads);
  }

  void unwind() {
    native_stacks stacks(code_);
    for (auto& thread : survey_.threads) {
      if (!thread.failure.empty()) continue;
      if (attached_) thread.stack = stacks.of(thread.what.tid);
      if (thread.stack.frames.empty()) thread.failure = "its stack cannot be unwound";
    }
  }

  void tell_roles(const running_tasks& running, const std::vector<std::uint32_t>& workers) {
    for (auto& thread : survey_.threads) {
      if (const auto* task = running_on(running, thread.what.inner_tid)) thread.task = *task;
      thread.role = role_of(thread.what, thread.what.tid == pid_, thread.task.has_value(), workers);
    }
  }

  pid_t pid_;
  snapshot_source* source_;
  survey_options options_;
  thread_survey survey_;
  thread_copies copies_;
  std::shared_ptr<target_code> code_;
  bool attached_ = false;
};

}  // namespace

v1::ThreadView::Role role_of(const os_thread& thread, bool is_main, bool runs_task,
                             const std::vector<std::uint32_t>& workers) {
  if (thread.name == agent_name) return v1::ThreadView::AGENT;
  if (runs_task) return v1::ThreadView::WORKER;
  const bool has_run = std::find(workers.begin(), workers.end(), thread.inner_tid) != workers.end();
  if (has_run) return v1::ThreadView::IDLE_WORKER;
  return is_main ? v1::ThreadView::MAIN : v1::ThreadView::OTHER;
}

result<thread_survey> survey_threads(pid_t pid, snapshot_source* source, const survey_options& options) {
  if (source && !source->is_alive()) {
    // Cores are read as memory.
    if (auto* core = dynamic_cast<memory_source*>(source)) return surveyor(pid, source, options).of_core(*core);
  }
  return surveyor(pid, source, options).of_process();
}

}  // namespace tasks::cli
