#include "surveys/cpu_events.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "linux/perf_sampler.hpp"
#include "linux/thread_places.hpp"
#include "surveys/mark_interval.hpp"
#include "target/begun_tasks.hpp"

namespace tasks::cli {
namespace {

/// struct sched_attr of the kernel, as its first version was: its header and the C library's define one struct twice.
struct turn_attributes {
  std::uint32_t size = sizeof(turn_attributes);
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime_ns = 0, deadline_ns = 0, period_ns = 0;
};

/// This thread's turns on a CPU are short while this lives: since Linux 6.12 it has them earlier for that, where others
/// keep all CPUs busy.
class short_turns {
 public:
  short_turns() {
    is_known_ = ::syscall(SYS_sched_getattr, 0, &before_, sizeof before_, 0) == 0;
    auto wanted = before_;
    wanted.runtime_ns = 100'000;
    if (is_known_) ::syscall(SYS_sched_setattr, 0, &wanted, 0);
  }
  ~short_turns() {
    if (is_known_) ::syscall(SYS_sched_setattr, 0, &before_, 0);
  }
  short_turns(const short_turns&) = delete;
  short_turns& operator=(const short_turns&) = delete;

 private:
  turn_attributes before_;
  bool is_known_ = false;
};

class event_sampling final : public cpu_sampling {
 public:
  event_sampling(target& from, std::chrono::nanoseconds period, cpu_samples& to, cpu_profile& made)
      : cpu_sampling(std::max(period, least_between_ticks)),
        from_(from),
        to_(to),
        made_(made),
        sampler_(from.pid(), period) {
    if (to_.tasks() != nullptr) begun_.emplace(from.bytes(), *from.roots());
  }

  /// Those that are not known yet.
  result<void> add(std::vector<sampled_thread>& threads) {
    result<void> all;
    std::vector<sampled_thread*> added;
    for (auto& each : threads) {
      if (each.is_added) continue;
      each.is_added = true;
      if (const auto opened = sampler_.add(each.thread.tid()); !opened) {
        all = opened.why();
        ++made_.unsampled_threads;
        continue;
      }
      const auto used = each.thread.usage();
      if (used && sampler_.samples_kernel()) each.owed_ns = used->ns - each.began_ns;
      added.push_back(&each);
    }
    find_thread_pointers_of(added);
    return all;
  }

  /// Of some thread, or there is none to be told.
  [[nodiscard]] bool knows_places(const std::vector<sampled_thread>& threads) const {
    return to_.tasks() == nullptr ||
           std::any_of(threads.begin(), threads.end(), [](const auto& each) { return each.thread_pointer != 0; });
  }

  void look() {
    if (begun_) begun_->look();
  }

  void tick(std::vector<sampled_thread>& threads, time_point) override {
    for (auto& each : threads) {
      if (each.has_ended) continue;
      const auto used = each.thread.usage();
      each.has_ended = !used;
      each.is_at_work = used && used->ns != each.seen_ns;
      if (used) each.seen_ns = used->ns;
    }
    static_cast<void>(add(threads));
  }

  bool wait(std::vector<sampled_thread>& threads, time_point until) override {
    // Marks that are due shortly before `until` are made then.
    const auto marks = marked_ + between_marks_.now();
    const bool with_marks = to_.tasks() != nullptr && until - marks > between_marks_.now() / 2;
    sampler_.take(with_marks ? marks : until, [&](const thread_sample& sample) { take(threads, sample); });
    const bool has_met = !moments_.empty();
    add_all();
    mark(threads);
    return has_met;
  }

  void finish(std::vector<sampled_thread>& threads) override {
    sampler_.take_rest([&](const thread_sample& sample) { take(threads, sample); });
    add_all();
    made_.lost = sampler_.lost();
    if (taken_ != 0) made_.mean_delay = delay_ / taken_;
    made_.samples_kernel = sampler_.samples_kernel();
  }

 private:
  /// Of many threads only those that are at work: most sleep. Who begins to work is known so at the next tick.
  void mark(std::vector<sampled_thread>& threads) {
    constexpr std::size_t most_marks = 16, many_threads = 32;
    const auto now = std::chrono::steady_clock::now();
    if (to_.tasks() == nullptr || now - marked_ < between_marks_.now() / 2) return;
    marked_ = now;
    at_work_.clear();
    pointers_.clear();
    for (auto& each : threads) {
      const bool may_work = each.is_at_work || threads.size() < many_threads;
      if (each.thread_pointer == 0 || each.has_ended || !may_work) continue;
      at_work_.push_back(&each);
      pointers_.push_back(each.thread_pointer);
    }
    look();
    const auto& marks = to_.tasks()->marks_of(pointers_);
    const auto read = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < marks.size(); ++i) {
      auto& of_thread = at_work_[i]->marks;
      of_thread.push_front({read, marks[i]});
      if (of_thread.size() > most_marks) of_thread.pop_back();
    }
  }

  /// Was that so before, too?
  [[nodiscard]] static bool is_unchanged(const sampled_thread& thread, const task_mark& now,
                                         std::chrono::steady_clock::time_point since) {
    const auto before =
        std::find_if(thread.marks.begin(), thread.marks.end(), [since](const auto& each) { return each.at < since; });
    return before != thread.marks.end() && before->mark == now;
  }

  void find_thread_pointers_of(const std::vector<sampled_thread*>& added) {
    if (added.empty() || to_.tasks() == nullptr) return;
    std::vector<thread_registers> places(added.size());
    std::vector<std::uint32_t> inner_tids;
    for (const auto* each : added) inner_tids.push_back(each->thread.inner_tid());
    // Stacks of new threads are in mappings that are new.
    find_thread_pointers(places, inner_tids, *process_memory(from_.pid()));
    for (std::size_t i = 0; i < added.size(); ++i) added[i]->thread_pointer = places[i].thread_pointer;
  }

  /// As soon as it can be: the thread goes on.
  void take(std::vector<sampled_thread>& threads, const thread_sample& sample) {
    auto* thread = find_thread(threads, sample.stack.tid);
    if (thread == nullptr) return;
    thread->is_at_work = true;
    auto& moment = moments_.emplace_back();
    moment.is_later = true;
    take_task(*thread, sample, moment);
    delay_ += std::chrono::steady_clock::now() - sample.at;
    ++taken_;
    moment.thread = thread->thread.name();
    moment.weight_ns = sample.weight_ns + std::exchange(thread->owed_ns, 0);
    moment.stack = sample.stack;
  }

  void take_task(const sampled_thread& thread, const thread_sample& sample, copied_moment& to) {
    if (to_.tasks() == nullptr) return;
    const auto recent = to_.tasks()->of(sample.stack, thread.thread_pointer, thread.thread.inner_tid());
    if (recent.task == nullptr || recent.task->depth == 0) return;
    to_.take_task(*recent.task, to);
    to.task.starts = recent.starts;
    to.task.was_current = recent.was_current;
    to.task.had_begun = begun_->had_begun(recent.task->id, sample.at);
    to.task.is_unchanged = is_unchanged(thread, {recent.task->record, recent.task->word}, sample.at);
    to.task.body = from_.bytes().get<std::uint64_t>(to.task.task.frames[to.task.task.depth - 1]).value_or(0);
  }

  /// Samples of another program are none of its.
  void add_all() {
    if (moments_.empty()) return;
    if (to_.program().still()) {
      look();
      for (auto& each : moments_) to_.add(each);
      between_marks_.learn(made_.samples, made_.untold);
    }
    moments_.clear();
  }

  /// The kernel samples threads whenever they are due: what is left is to see which there are.
  static constexpr std::chrono::nanoseconds least_between_ticks = std::chrono::milliseconds(20);

  target& from_;
  cpu_samples& to_;
  cpu_profile& made_;
  short_turns turns_;
  mark_interval between_marks_;
  time_point marked_;  ///< when threads were last
  perf_sampler sampler_;
  std::optional<begun_tasks> begun_;
  std::vector<copied_moment> moments_;
  std::vector<sampled_thread*> at_work_;  ///< those that are marked,
  std::vector<std::uint64_t> pointers_;   ///< and the thread pointer of each
  std::chrono::nanoseconds delay_{0};     ///< of all samples together
  std::int64_t taken_ = 0;
};

}  // namespace

result<std::unique_ptr<cpu_sampling>> sample_by_events(target& from, std::chrono::nanoseconds period,
                                                       std::vector<sampled_thread>& threads, cpu_samples& to,
                                                       cpu_profile& made) {
  auto sampling = std::make_unique<event_sampling>(from, period, to, made);
  const auto added = sampling->add(threads);
  const bool works = added.ok() && sampling->knows_places(threads);
  if (works) {
    sampling->look();
    return std::unique_ptr<cpu_sampling>(std::move(sampling));
  }
  made.unsampled_threads = 0;
  for (auto& each : threads) each.is_added = false;
  if (!added) return added.why();
  return error{error_code::system, subject_of(from.pid()), "perf events do not tell which tasks its threads run",
               "--by stops"};
}

}  // namespace tasks::cli
