#include "surveys/cpu_stops.hpp"

#include <algorithm>
#include <vector>

#include "linux/thread_sampler.hpp"

namespace tasks::cli {
namespace {

using stop_clock = std::chrono::steady_clock;

class stop_sampling final : public cpu_sampling {
 public:
  stop_sampling(target& from, std::chrono::nanoseconds period, cpu_samples& to, cpu_profile& made)
      : cpu_sampling(period), from_(from), to_(to), made_(made), sampler_(from.pid()), buffer_(most_stack) {}

  void tick(std::vector<sampled_thread>& threads, time_point now) override {
    ticked_ = now;
    // First who it may be, so that nobody who has stopped waits for that.
    wanted_.clear();
    for (auto& each : threads) {
      if (each.has_ended) continue;
      const auto used = each.thread.usage();
      each.has_ended = !used;
      if (!used || used->ns == each.seen_ns) continue;
      each.seen_ns = used->ns;
      if (!sampler_.has_asked(each.thread.tid())) wanted_.push_back(&each);
    }
    for (auto* each : wanted_) {
      const auto used = each->thread.usage();
      if (!used || !each->thread.runs()) continue;
      each->asked = *used;
      sampler_.ask(each->thread.tid());
      take_stopped(threads, time_point());
    }
  }

  /// What was copied is gone through while no thread may be waiting for us.
  bool wait(std::vector<sampled_thread>& threads, time_point until) override {
    constexpr std::size_t most_moments = 64;
    take_stopped(threads, until);
    if (!sampler_.is_waiting() || moments_.size() >= most_moments) add_all();
    return false;  // ticks are regular, as they are what is sampled
  }

  void finish(std::vector<sampled_thread>& threads) override {
    // Those that were asked and wait for a CPU have the time of some turns.
    constexpr std::chrono::milliseconds last_wait{30};
    for (const auto until = stop_clock::now() + last_wait; sampler_.is_waiting() && stop_clock::now() < until;)
      wait(threads, until);
    add_all();
    const auto& stops = sampler_.made();
    made_.longest_stop = stops.longest;
    if (stops.count != 0) made_.mean_stop = stops.all / static_cast<std::chrono::nanoseconds::rep>(stops.count);
  }

  [[nodiscard]] std::optional<error> refusal() const override {
    return moments_.empty() ? sampler_.refusal() : std::nullopt;
  }

 private:
  void take_stopped(std::vector<sampled_thread>& threads, time_point until) {
    sampler_.take(until, [&](pid_t tid, const thread_registers& registers) {
      if (auto* thread = find_thread(threads, tid)) copy(*thread, registers);
    });
  }

  void add_all() {
    for (auto& each : moments_) to_.add(each);
    moments_.clear();
  }

  /// Had a thread that has stopped now a CPU at the tick? Else where it lost it is no sample of where it uses it, but
  /// most often right behind whatever had the kernel look at the time. We may have taken it ourselves, to ask.
  [[nodiscard]] bool had_cpu(const cpu_usage& asked, const cpu_usage& now) const {
    constexpr std::chrono::microseconds just_before{100};
    if (now.slices == asked.slices) return true;
    const auto lost = stop_clock::now() - std::chrono::nanoseconds(now.waited_ns - asked.waited_ns);
    return now.slices == asked.slices + 1 && lost >= ticked_ - just_before;
  }

  /// The thread is stopped.
  void copy(sampled_thread& thread, const thread_registers& registers) {
    const auto usage = thread.thread.usage();
    if (!usage || !to_.program().still()) return;
    if (!had_cpu(thread.asked, *usage)) {
      ++made_.late_stops;
      return;
    }
    auto& moment = moments_.emplace_back();
    moment.thread = thread.thread.name();
    moment.weight_ns = usage->ns - thread.sampled_ns;
    thread.sampled_ns = thread.seen_ns = usage->ns;
    copy_stack(registers, moment.stack);
    moment.stack.tid = thread.thread.tid();
    if (to_.tasks() == nullptr) return;
    const auto current = to_.tasks()->of(registers, thread.thread.inner_tid());
    if (current.task == nullptr) return;
    to_.take_task(*current.task, moment);
    moment.task.starts = current.starts;
  }

  void copy_stack(const thread_registers& registers, thread_copy& to) {
    to.registers = in_dwarf_order(registers.general);
    to.pc = registers.instruction_pointer;
    to.stack_begin = registers.stack_pointer - red_zone;
    auto size = buffer_.size();
    // Of all threads but the main one what the thread pointer points to lies at the end of the stack.
    if (registers.thread_pointer > registers.stack_pointer)
      size = std::min<std::uint64_t>(size, registers.thread_pointer - to.stack_begin);
    const auto used = from_.bytes().read(to.stack_begin, buffer_.data(), size);
    to.stack.assign(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(used));
  }

  target& from_;
  cpu_samples& to_;
  cpu_profile& made_;
  thread_sampler sampler_;
  time_point ticked_;  ///< the last tick
  std::vector<sampled_thread*> wanted_;
  std::vector<copied_moment> moments_;
  std::vector<unsigned char> buffer_;  ///< its pages are there before a thread is stopped
};

}  // namespace

std::unique_ptr<cpu_sampling> sample_by_stops(target& from, std::chrono::nanoseconds period, cpu_samples& to,
                                              cpu_profile& made) {
  return std::make_unique<stop_sampling>(from, period, to, made);
}

}  // namespace tasks::cli
