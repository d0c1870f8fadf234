#include "surveys/cpu_profile.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "linux/cpu_times.hpp"
#include "linux/right_to_look.hpp"
#include "linux/same_program.hpp"
#include "surveys/cpu_events.hpp"
#include "surveys/cpu_samples.hpp"
#include "surveys/cpu_stops.hpp"

namespace tasks::cli {
namespace {

using profile_clock = std::chrono::steady_clock;

int open_module(Dwfl_Module* module, void**, const char*, Dwarf_Addr, void*) {
  GElf_Addr bias = 0;
  Dwarf_Addr debug_bias = 0;
  dwfl_module_getelf(module, &bias);
  dwfl_module_getsymtab(module);
  dwfl_module_getdwarf(module, &debug_bias);
  return DWARF_CB_OK;
}

class cpu_profiler {
 public:
  cpu_profiler(target& from, const cpu_options& options, const std::atomic<bool>& stop)
      : from_(from), options_(options), stop_(stop), census_(from.pid()), samples_(from, made_) {}

  result<cpu_profile> run() {
    find_threads(true);
    if (threads_.empty()) return no_such_process(from_.pid());
    const auto& program = samples_.program();
    if (!program.still() && !program.is_refused()) return no_such_process(from_.pid());
    if (!program.still()) return permission_error(subject_of(from_.pid()), ask_kernel_about(from_.pid()));
    if (const auto chosen = choose_way(); !chosen) return chosen.why();
    begin_ = profile_clock::now();
    const auto end = begin_ + options_.length;
    bool has_met = false;  // samples, since the last tick
    for (auto next = begin_ + sampling_->between_ticks(); is_there() && !stop_;) {
      const auto now = profile_clock::now();
      if (now >= end) break;
      const auto between_ticks = sampling_->between_ticks();
      // A tick that is near is done with what came: to be woken takes a CPU from somebody.
      if (now < next - (has_met ? between_ticks / 2 : std::chrono::nanoseconds(0))) {
        // So that nobody who ends this waits for long.
        constexpr std::chrono::milliseconds longest{50};
        has_met = sampling_->wait(threads_, std::min({next, end, now + longest}));
        continue;
      }
      has_met = false;
      const auto late = now > next ? static_cast<std::uint64_t>((now - next) / between_ticks) : 0;
      made_.missed_ticks += late;
      next += static_cast<std::chrono::nanoseconds::rep>(late + 1) * between_ticks;
      tick(now);
      if (const auto refusal = sampling_->refusal(); refusal && made_.samples == 0) return *refusal;
      if (!is_decided_) decide(now);
    }
    sampling_->finish(threads_);
    made_.length = profile_clock::now() - begin_;
    for (const auto& each : threads_) count(each);
    made_.finds_tasks = samples_.tasks() != nullptr && samples_.tasks()->knows_place();
    return std::move(made_);
  }

 private:
  result<void> choose_way() {
    if (options_.way != sampling_way::stops) {
      auto events = sample_by_events(from_, options_.period, threads_, samples_, made_);
      if (events) {
        sampling_ = *std::move(events);
        made_.by_events = true;
        return {};
      }
      if (options_.way == sampling_way::events) return events.why();
      made_.no_events = events.why().fact;
    }
    sampling_ = sample_by_stops(from_, options_.period, samples_, made_);
    return {};
  }

  /// Tasks that await again within a millisecond are told by stops alone: then it begins anew with these.
  void decide(profile_clock::time_point now) {
    constexpr std::uint64_t enough = 30;
    if (made_.samples < enough) return;
    is_decided_ = true;
    if (options_.way != sampling_way::events_or_stops || !made_.by_events || made_.untold * 10 < made_.samples) return;
    samples_.forget();
    begin_ = now;
    made_.used_ns = made_.threads = 0;
    made_.by_events = false;
    made_.no_events = "its tasks are often over before they can be read";
    for (auto& each : threads_)
      each.began_ns = each.sampled_ns = each.seen_ns = each.thread.usage().value_or(cpu_usage{each.seen_ns, 0, 0}).ns;
    sampling_ = sample_by_stops(from_, options_.period, samples_, made_);
  }

  [[nodiscard]] bool is_there() {
    if (!made_.ended.empty()) return false;
    if (samples_.program().still()) return true;
    // A process that is ending has no memory for a while before it is said to have ended.
    made_.ended = same_program(from_.pid()).still() ? "it executed another program" : "it ended";
    return false;
  }

  void find_threads(bool first) {
    for (auto& each : census_.find_new()) {
      const auto tid = each.tid();
      const auto now = each.usage().value_or(cpu_usage()).ns;
      // A thread that is new had nothing before.
      const auto began = first ? now : 0;
      // The kernel gives a number to another thread later.
      std::erase_if(threads_, [&](const sampled_thread& old) {
        if (old.thread.tid() == tid) count(old);
        return old.thread.tid() == tid;
      });
      threads_.push_back({.thread = std::move(each), .began_ns = began, .sampled_ns = began, .seen_ns = began});
    }
  }

  void tick(profile_clock::time_point now) {
    std::erase_if(threads_, [this](const sampled_thread& each) {
      if (each.has_ended) count(each);
      return each.has_ended;
    });
    find_threads(false);
    sampling_->tick(threads_, now);
  }

  /// Its CPU time since it was first seen.
  void count(const sampled_thread& thread) {
    const auto last = std::max(thread.thread.usage().value_or(cpu_usage()).ns, thread.seen_ns);
    made_.used_ns += last - thread.began_ns;
    if (last != thread.began_ns) ++made_.threads;
  }

  target& from_;
  cpu_options options_;
  const std::atomic<bool>& stop_;
  cpu_profile made_;
  thread_census census_;
  cpu_samples samples_;
  std::unique_ptr<cpu_sampling> sampling_;
  bool is_decided_ = false;  ///< the way is the one that it stays
  profile_clock::time_point begin_;
  std::vector<sampled_thread> threads_;
};

}  // namespace

void open_code(modules& code) {
  if (auto* dwfl = code.dwfl()) dwfl_getmodules(dwfl, open_module, nullptr, 0);
}

result<cpu_profile> profile_cpu(target& from, const cpu_options& options, const std::atomic<bool>& stop) {
  open_code(from.code());
  allow_many_descriptors();
  // Where the target's threads keep all CPUs busy, neither who was stopped nor what a task was should wait for us.
  ::setpriority(PRIO_PROCESS, 0, -20);
  return cpu_profiler(from, options, stop).run();
}

}  // namespace tasks::cli
