#include "thread_survey.hpp"

#include <errno.h>
#include <time.h>

#include <algorithm>

#include "memory_source.hpp"
#include "target.hpp"

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

/// Threads that have run tasks; nothing where the target's memory may not be read.
std::vector<std::uint32_t> workers_of(pid_t pid) {
  std::vector<std::uint32_t> workers;
  const auto target = open_direct(pid);
  if (!target) return workers;
  for (const auto& thread : (*target)->registries().threads()) {
    if (thread.worker) workers.push_back(thread.tid);
  }
  return workers;
}

void unwind(const thread_copies& copies, const std::shared_ptr<target_code>& code, thread_survey& survey) {
  const bool known = attach(*code, copies.threads);
  native_stacks stacks(code);
  for (std::size_t i = 0; i < survey.threads.size(); ++i) {
    auto& thread = survey.threads[i];
    thread.failure = copies.threads[i].failure;
    if (!thread.failure.empty()) continue;
    if (known) thread.stack = stacks.of(thread.what.tid);
    if (thread.stack.frames.empty()) thread.failure = "its stack cannot be unwound";
  }
}

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
  thread_survey survey;
  std::vector<pid_t> tids;
  for (auto& thread : list_threads(pid)) {
    tids.push_back(thread.tid);
    survey.threads.emplace_back().what = std::move(thread);
  }
  if (tids.empty()) return no_such_process(pid);
  measure_cpu(pid, options.interval, survey.threads);

  running_tasks running;
  const auto read_tasks = [&](running_tasks& to) {
    if (!source) return;
    auto read = read_running(*source);
    if (read) {
      to = *std::move(read);
    } else if (survey.notes.empty()) {
      survey.notes.push_back("which tasks run is not known: " + in_words(read.why()));
    }
  };
  read_tasks(running);
  survey.resolution_ms = running.resolution_ms;
  if (options.stacks) {
    const auto copies = copy_threads(pid, tids);
    survey.longest_stop = copies.longest_stop;
    if (copies.refusal) survey.notes.push_back("no native stacks: " + in_words(*copies.refusal));
    running_tasks later;
    read_tasks(later);
    keep_unchanged(running, later);
    unwind(copies, source ? source->code() : std::make_shared<target_code>(pid), survey);
  }
  const auto workers = workers_of(pid);
  for (auto& thread : survey.threads) {
    if (const auto* task = running_on(running, thread.what.inner_tid)) thread.task = *task;
    thread.role = role_of(thread.what, thread.what.tid == pid, thread.task.has_value(), workers);
  }
  return survey;
}

}  // namespace tasks::cli
