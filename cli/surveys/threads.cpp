#include "surveys/threads.hpp"

#include <algorithm>
#include <thread>
#include <unordered_set>
#include <utility>

#include "surveys/deaths.hpp"
#include "surveys/filtered_source.hpp"
#include "surveys/look.hpp"
#include "surveys/mutex_waits.hpp"
#include "surveys/recorded_facts.hpp"
#include "target/registry_reader.hpp"

namespace tasks::cli {
namespace {

void measure_cpu(const target& from, std::chrono::milliseconds interval, std::vector<surveyed_thread>& threads) {
  if (interval.count() == 0) {
    for (auto& thread : threads) thread.cpu_percent = cpu_percent(thread.os);
    return;
  }
  const auto begin = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(interval);
  const auto later = from.threads();
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
  for (auto& thread : threads) {
    const auto same = std::find_if(later.begin(), later.end(), [&](const os_thread& t) {
      return t.tid == thread.os.tid && t.start_time == thread.os.start_time;
    });
    if (same != later.end()) thread.cpu_percent = cpu_percent(thread.os, *same, passed.count());
  }
}

/// Threads that have run tasks, as the target calls them. Empty where its memory may not be read.
std::vector<std::uint32_t> workers_of(const target& from) {
  std::vector<std::uint32_t> workers;
  if (!from.roots()) return workers;
  for (const auto& thread : registry_reader(from.bytes(), *from.roots()).threads()) {
    if (thread.worker) workers.push_back(thread.tid);
  }
  return workers;
}

void tell_resumed(const busy_survey& busy, surveyed_thread& thread) {
  for (const auto& each : busy.tasks)
    for (const auto& by : each.task.by)
      if (by.thread == thread.os.inner_tid) thread.resumes.push_back({&each, by});
  const auto more_often = [](const auto& a, const auto& b) {
    return a.seen.anew != b.seen.anew ? a.seen.anew > b.seen.anew : a.seen.ran > b.seen.ran;
  };
  std::stable_sort(thread.resumes.begin(), thread.resumes.end(), more_often);
}

thread_survey recorded_threads(snapshot_source& source, const survey_options& options) {
  const auto& then = *source.recorded();
  auto survey = from_message(then.threads());
  survey.lookups = from_message(then.lookups());
  survey.busy = name_busy(options.busy ? *options.busy : look_for_busy(source), source);
  for (auto& thread : survey.threads) {
    tell_resumed(survey.busy, thread);
    if (options.stacks) continue;
    thread.stack = {};
    thread.failure.clear();
    thread.mutex_owner = 0;
  }
  if (options.stacks && !then.threads().no_stacks().empty())
    survey.notes.push_back("no native stacks: " + then.threads().no_stacks());
  return survey;
}

class thread_surveyor {
 public:
  thread_surveyor(target& from, snapshot_source* source, const survey_options& options)
      : from_(from), source_(source), options_(options) {}

  result<thread_survey> run() {
    for (auto& thread : from_.threads()) survey_.threads.emplace_back().os = std::move(thread);
    if (survey_.threads.empty()) return no_such_process(from_.pid());
    if (from_.is_alive()) measure_cpu(from_, options_.interval, survey_.threads);
    auto running = read_tasks();
    if (options_.stacks) {
      copy_stacks();
      if (!from_.is_still()) keep_unchanged(running, read_tasks());
      unwind();
    }
    tell_roles(running, workers_of(from_));
    tell_resolvers();
    if (const auto death = source_ ? survey_death(*source_) : std::nullopt) survey_.notes.push_back(in_words(*death));
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
    for (const auto& thread : survey_.threads) tids.push_back(thread.os.tid);
    const auto& copies = from_.copy_stacks(tids);
    survey_.longest_stop = copies.longest_stop;
    if (copies.refusal) survey_.notes.push_back("no native stacks: " + in_words(*copies.refusal));
    for (std::size_t i = 0; i < copies.threads.size(); ++i) survey_.threads[i].failure = copies.threads[i].failure;
  }

  void unwind() {
    native_stacks stacks(from_.code(), from_.names());
    for (auto& thread : survey_.threads) {
      if (!thread.failure.empty()) continue;
      thread.stack = stacks.of(thread.os.tid);
      if (thread.stack.frames.empty()) thread.failure = "its stack cannot be unwound";
      thread.mutex_owner = owner_of_mutex(from_, thread.os, thread.stack);
    }
  }

  void tell_roles(const running_tasks& running, const std::vector<std::uint32_t>& workers) {
    name_busy_tasks();
    for (auto& thread : survey_.threads) {
      tell_resumed(survey_.busy, thread);
      if (const auto* task = running_on(running, thread.os.inner_tid)) thread.task = *task;
      if (!thread.task && is_in_task(thread.stack)) {
        thread.task = read_starting(from_, thread.os.inner_tid);
        thread.starts = thread.task.has_value();
      }
      // Between two looks it may have taken up a task that nothing tells of.
      const bool runs_task = thread.task || !thread.resumes.empty() || is_in_task(thread.stack);
      thread.role = role_of(thread.os, thread.os.tid == from_.pid(), runs_task, workers);
    }
  }

  void name_busy_tasks() {
    const auto busy = options_.busy ? *options_.busy : find_busy(from_);
    if (source_) {
      survey_.busy = name_busy(busy, *source_);
      return;
    }
    for (const auto& each : busy) survey_.busy.tasks.push_back({each, {}});
  }

  void tell_resolvers() {
    survey_.lookups = survey_lookups(from_);
    for (auto& thread : survey_.threads) {
      for (const auto& each : survey_.lookups.threads)
        if (each.tid == static_cast<std::uint32_t>(thread.os.tid) && !thread.task) thread.resolver = each;
      if (thread.resolver) thread.role = v1::ThreadView::RESOLVER;
    }
  }

  target& from_;
  snapshot_source* source_;
  survey_options options_;
  thread_survey survey_;
};

bool is_one_of(const std::vector<std::uint32_t>& threads, const os_thread& thread) {
  return std::any_of(threads.begin(), threads.end(), [&](std::uint32_t asked) {
    return asked == thread.inner_tid || asked == static_cast<std::uint32_t>(thread.tid);
  });
}

/// Which of the tasks that threads run or resume pass. They are asked for when all else is known: one that has gone on
/// since is judged by what it does now.
std::unordered_set<std::uint64_t> passing_tasks(snapshot_source& source, const selection& asked,
                                                const survey_options& options, thread_survey& survey) {
  v1::StacksRequest query;
  for (const auto& thread : survey.threads) {
    if (thread.task) query.add_ids(thread.task->id);
    for (const auto& each : thread.resumes) query.add_ids(each.place->task.id);
  }
  std::unordered_set<std::uint64_t> passing;
  if (query.ids().empty()) return passing;
  filtered_source filtered(source, asked, {.all_frames = options.all_frames});
  const auto read = filtered.stacks(query, [&](const v1::Chunk& chunk) {
    for (const auto& task : chunk.tasks()) passing.insert(task.id());
    return true;
  });
  if (!read) survey.notes.push_back("which tasks match is not known: " + in_words(read.why()));
  return passing;
}

void keep_chosen(snapshot_source* source, const survey_options& options, thread_survey& survey) {
  survey.total = survey.threads.size();
  if (options.chosen == nullptr || options.chosen->is_empty()) return;
  auto of_tasks = *options.chosen;
  const auto threads = std::exchange(of_tasks.threads, {});
  std::unordered_set<std::uint64_t> passing;
  const bool any_task = of_tasks.is_empty();
  if (!any_task && source != nullptr) passing = passing_tasks(*source, of_tasks, options, survey);
  std::erase_if(survey.threads, [&](const surveyed_thread& thread) {
    if (!threads.empty() && !is_one_of(threads, thread.os)) return true;
    const bool passes = any_task || (thread.task && passing.contains(thread.task->id)) ||
                        std::any_of(thread.resumes.begin(), thread.resumes.end(),
                                    [&](const auto& each) { return passing.contains(each.place->task.id); });
    return !passes;
  });
}

}  // namespace

v1::ThreadView::Role role_of(const os_thread& thread, bool is_main, bool runs_task,
                             const std::vector<std::uint32_t>& workers) {
  if (thread.name == agents_thread) return v1::ThreadView::AGENT;
  if (runs_task) return v1::ThreadView::WORKER;
  const bool has_run = std::find(workers.begin(), workers.end(), thread.inner_tid) != workers.end();
  if (has_run) return v1::ThreadView::IDLE_WORKER;
  return is_main ? v1::ThreadView::MAIN : v1::ThreadView::OTHER;
}

result<thread_survey> survey_threads(target* from, snapshot_source* source, const survey_options& options) {
  if (from == nullptr && (source == nullptr || source->recorded() == nullptr || !source->recorded()->has_threads()))
    return error{error_code::system, "", "there is no record of its threads", ""};
  auto survey = from != nullptr ? thread_surveyor(*from, source, options).run()
                                : result<thread_survey>(recorded_threads(*source, options));
  if (survey) keep_chosen(source, options, *survey);
  return survey;
}

}  // namespace tasks::cli
