#include "surveys/idle.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/syscall.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>

#include "base/quantities.hpp"
#include "linux/proc.hpp"
#include "linux/sleep.hpp"
#include "linux/thread_places.hpp"
#include "proof/asio_queues.hpp"
#include "surveys/crowds.hpp"
#include "surveys/due.hpp"
#include "target/registry_reader.hpp"

namespace tasks::cli {
namespace {

constexpr std::chrono::milliseconds idle_pause{200};
/// As a count that is none.
constexpr std::uint64_t most_guards = std::uint64_t{1} << 20;

/// One look; twice the same, and nothing has run in between.
struct idle_look {
  idle_survey found;
  std::vector<std::uint64_t> slices;  ///< how often threads in run() were given a CPU

  bool operator==(const idle_look&) const = default;
};

class idle_looker {
 public:
  explicit idle_looker(target& from) : from_(from), queues_(from.bytes()) {}

  idle_look run() {
    if (!count_tasks()) return {};
    find_its_threads();
    auto& schedulers = queues_.schedulers();
    const auto calls = schedulers.calls_of(places_.threads, {});
    if (!calls.complete) return {};
    for (const auto& [scheduler, tids] : calls.runs) {
      const auto context = schedulers.context_of(scheduler);
      // A resolver's own has a thread of its own, and its lookups are looked for with the context's operations.
      if (context == 0 || schedulers.of_context(context) != scheduler) continue;
      const auto state = schedulers.look(scheduler);
      if (!state || state->stopped || state->work == 0 || state->work > most_guards || !state->queued.empty() ||
          state->sleeping + (state->polled ? 1 : 0) != tids.size() ||
          queues_.anything_pends(scheduler, places_.threads))
        return {};
      if (!state->is_io_context && is_run_by_pool(tids)) continue;
      idle_context made{context, std::move(tasks_[scheduler]), has_tasks_ ? 0 : state->work, tids.size()};
      if (made.guards != 0 || !made.tasks.empty()) found_.contexts.push_back(std::move(made));
    }
    std::sort(found_.contexts.begin(), found_.contexts.end(),
              [](const idle_context& a, const idle_context& b) { return a.address < b.address; });
    count_others(calls);
    idle_look seen{std::move(found_), {}};
    for (std::size_t i = 0; i < places_.slices.size(); ++i)
      if (calls.in_any.contains(places_.threads[i].tid)) seen.slices.push_back(places_.slices[i]);
    return seen;
  }

 private:
  /// False: some task waits for anything but channels, or runs.
  bool count_tasks() {
    registry_reader registry(from_.bytes(), *from_.roots());
    const auto counts = registry.walk({}, 0, [&](const target_task& task) {
      using layout::wait_kind;
      const auto kind = detail::kind_of(task);
      if (kind != wait_kind::channel_send && kind != wait_kind::channel_receive) return;
      if (const auto scheduler = scheduler_of(task.object); scheduler != 0) tasks_[scheduler].push_back(task.id);
    });
    for (auto& [scheduler, ids] : tasks_) std::sort(ids.begin(), ids.end());
    has_tasks_ = counts.tasks != 0;
    return !has_tasks_ || counts.all_on_channels();
  }

  /// A channel is {service, implementation}. 0: it is none, or not known.
  std::uint64_t scheduler_of(std::uint64_t channel) {
    auto& schedulers = queues_.schedulers();
    const auto service = from_.bytes().get<std::uint64_t>(channel - sizeof(std::uint64_t)).value_or(0);
    const bool is_channel = schedulers.type_of(service).find("6detail15channel_serviceI") != std::string::npos;
    return is_channel ? schedulers.of_service(service) : 0;
  }

  void find_its_threads() {
    threads_ = from_.threads();
    std::erase_if(threads_, [](const os_thread& each) { return each.state == 'Z' || each.state == 'X'; });
    if (from_.is_alive()) {
      places_ = find_threads(from_.pid(), threads_, from_.bytes());
    } else if (auto still = from_.hold({})) {
      places_.threads = (*still)->threads();
    }
  }

  bool is_run_by_pool(const std::vector<std::uint32_t>& tids) {
    return std::any_of(places_.threads.begin(), places_.threads.end(), [&](const thread_registers& each) {
      return std::find(tids.begin(), tids.end(), each.tid) != tids.end() && queues_.schedulers().is_of_pool(each);
    });
  }

  void count_others(const calls_of_threads& calls) {
    for (const auto& thread : threads_) {
      const bool runs = calls.in_any.contains(static_cast<std::uint32_t>(thread.tid));
      const bool is_known = (runs && !wakes_by_itself(thread)) || thread.name == agents_thread || waits_for_end(thread);
      if (!is_known) ++found_.others;
    }
    if (from_.is_alive() && handles_signals(from_.pid())) ++found_.others;
  }

  /// In run_for() and the like, for a time: what comes then, nobody knows.
  bool wakes_by_itself(const os_thread& thread) const {
    if (!from_.is_alive()) return false;
    const auto asleep = read_sleep(from_.pid(), thread.tid);
    if (!asleep) return true;
    const auto& time = asleep->arguments[3];
    bool in_milliseconds = asleep->call == SYS_epoll_pwait;
#if defined(SYS_epoll_wait)
    in_milliseconds = in_milliseconds || asleep->call == SYS_epoll_wait;
#endif
    return in_milliseconds ? static_cast<std::int32_t>(time) >= 0 : time != 0;
  }

  /// One of the program's may give work to a context. Not those of faults, which a thread makes itself, nor libc's two.
  static bool handles_signals(pid_t pid) {
    constexpr std::string_view name = "SigCgt:";
    const auto text = read_file(fmt::format("/proc/{}/status", pid).c_str()).value_or("");
    const auto at = text.find(name);
    std::uint64_t caught = at == text.npos ? ~std::uint64_t{0} : 0;
    if (at != text.npos) {
      const auto begin = text.find_first_not_of(" \t", at + name.size());
      if (begin != text.npos) std::from_chars(text.data() + begin, text.data() + text.size(), caught, 16);
    }
    for (const int libcs : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, 32, 33})
      caught &= ~(std::uint64_t{1} << (libcs - 1));
    return caught != 0;
  }

  /// pthread_join(3) waits in a futex that holds the other thread's number, until the kernel clears it. A mutex holds
  /// 0, 1 or 2, and who waits for one that holds its owner's number does so by another operation.
  bool waits_for_end(const os_thread& thread) const {
    constexpr std::uint64_t wait = 0, wait_for_bits = 9, operations = 0x7f, states_of_mutexes = 2;
    if (!from_.is_alive()) return false;
    const auto asleep = read_sleep(from_.pid(), thread.tid);
    if (!asleep || asleep->call != SYS_futex) return false;
    const auto operation = asleep->arguments[1] & operations;
    const auto value = static_cast<std::uint32_t>(asleep->arguments[2]);
    return (operation == wait || operation == wait_for_bits) && asleep->arguments[3] == 0 &&
           value > states_of_mutexes && from_.bytes().get<std::uint32_t>(asleep->arguments[0]) == value &&
           std::any_of(threads_.begin(), threads_.end(),
                       [&](const os_thread& each) { return each.inner_tid == value && each.tid != thread.tid; });
  }

  target& from_;
  asio_queues queues_;
  std::map<std::uint64_t, std::vector<std::uint64_t>> tasks_;  ///< that wait on channels, by scheduler
  bool has_tasks_ = false;
  std::vector<os_thread> threads_;
  thread_places places_;
  idle_survey found_;
};

}  // namespace

idle_survey find_idle(target& from) {
  if (!from.roots() || !from.has_hook() || is_crowd(from)) return {};
  if (!from.is_alive()) return idle_looker(from).run().found;
  const auto live = from.is_still() ? live_target(from.pid()) : nullptr;
  auto& process = live ? *live : from;
  if (!process.roots() || is_stopped(process)) return {};
  auto first = idle_looker(process).run();
  if (first.found.contexts.empty()) return {};
  std::this_thread::sleep_for(idle_pause);
  if (idle_looker(process).run() != first || is_stopped(process)) return {};
  return std::move(first.found);
}

std::string words_of(const idle_context& idle) {
  auto words = fmt::format("io_context {:#x}: 0 operations", idle.address);
  if (!idle.tasks.empty())
    words += fmt::format(", {} on its channels", idle.tasks.size() == 1
                                                     ? "1 task that waits"
                                                     : fmt::format("{} tasks that wait", idle.tasks.size()));
  if (idle.guards != 0)
    words += fmt::format(", {} (or {} kept)", number_and_noun(idle.guards, "work guard"),
                         idle.guards == 1 ? "an executor that is" : "executors that are");
  return words + fmt::format(", {} in run()", number_and_noun(idle.threads, "thread"));
}

std::vector<std::string> findings_of(const idle_survey& idle) {
  const auto who = idle.others == 0 ? std::string("no thread is left that could give it work")
                   : idle.others == 1
                       ? std::string("only another thread, or a signal handler, can give it work")
                       : fmt::format("only {} other threads or signal handlers can give it work", idle.others);
  std::vector<std::string> sentences;
  for (const auto& each : idle.contexts) {
    const auto* ends = each.guards == 0   ? ""
                       : each.guards == 1 ? "; run() returns when the guard is reset, or by stop()"
                                          : "; run() returns when the guards are reset, or by stop()";
    sentences.push_back(fmt::format("idle: {}: {}{}", words_of(each), who, ends));
  }
  return sentences;
}

const idle_context* find(const idle_survey& idle, std::uint64_t task) {
  for (const auto& each : idle.contexts)
    if (std::binary_search(each.tasks.begin(), each.tasks.end(), task)) return &each;
  return nullptr;
}

}  // namespace tasks::cli
