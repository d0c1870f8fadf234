#include "linux/process_stop.hpp"

#include <errno.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "linux/kept_threads.hpp"
#include "linux/proc.hpp"
#include "linux/right_to_look.hpp"
#include "linux/sleep.hpp"
#include "linux/stopped_threads.hpp"

namespace tasks::cli {
namespace {

using clock = stop_order::clock;

}  // namespace

error stopped_too_long(pid_t pid, std::chrono::milliseconds longest, std::chrono::nanoseconds stopped) {
  const auto ms = [](auto time) { return std::chrono::duration<double, std::milli>(time).count(); };
  return {error_code::timed_out, subject_of(pid),
          fmt::format("to stop it and copy its memory takes longer than the {:g} ms that it may be stopped: all its "
                      "threads have gone on after {:.1f} ms",
                      ms(longest), ms(stopped)),
          "give it longer (--max-stop), or look at a core of it"};
}

/// Who stops threads and lets them go. All but end() and what only reads is done by one thread: ours or, where none of
/// the target's is kept by the caller, one for this alone.
class process_stop::holder {
 public:
  holder(pid_t pid, std::chrono::milliseconds patience, const stop_order& order)
      : pid_(pid), patience_(patience), order_(order) {}
  holder(const holder&) = delete;
  holder& operator=(const holder&) = delete;
  ~holder() { end(); }

  result<void> begin() {
    if (!kept_threads().empty()) return stop();
    // A thread of ours each time: its end lets go who has not stopped in time, whom nobody else could trace.
    tracer_patience with_tracers(pid_);
    for (;;) {
      const auto made = begin_thread();
      const auto tracer = threads_.refused_for();
      if (made || !tracer || !with_tracers.goes_on(*tracer)) return made;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  void end() noexcept {
    if (!thread_.joinable()) return let_go();
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  [[nodiscard]] const std::vector<thread_registers>& threads() const noexcept { return registers_; }
  [[nodiscard]] bool has_stopped_some() const noexcept { return has_stopped_some_; }

  [[nodiscard]] std::set<pid_t> moved() const {
    auto moved = running_;
    for (const auto& [tid, before] : asleep_)
      if (read_sleep(pid_, tid) != before) moved.insert(tid);
    for (const auto tid : all_tids(pid_))
      if ((!asleep_.empty() || !running_.empty()) && !asleep_.contains(tid) && !stopped_.contains(tid) &&
          !has_ended(pid_, tid))
        moved.insert(tid);
    return moved;
  }

  [[nodiscard]] std::optional<std::chrono::nanoseconds> ran_out() const {
    const std::lock_guard lock(mutex_);
    if (!order_.longest || stopped_for_ <= *order_.longest) return std::nullopt;
    return stopped_for_;
  }

  [[nodiscard]] std::chrono::nanoseconds stopped_for() const {
    const std::lock_guard lock(mutex_);
    return stopped_for_;
  }

 private:
  /// While it lives nothing that a terminal sends stops the calling thread, nor those that it begins.
  class unstoppable {
   public:
    unstoppable() {
      sigset_t stops;
      ::sigemptyset(&stops);
      for (const int each : {SIGTSTP, SIGTTIN, SIGTTOU}) ::sigaddset(&stops, each);
      ::pthread_sigmask(SIG_BLOCK, &stops, &before_);
    }
    unstoppable(const unstoppable&) = delete;
    unstoppable& operator=(const unstoppable&) = delete;
    ~unstoppable() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

   private:
    sigset_t before_{};
  };

  /// Fails when it has ended.
  result<void> begin_thread() {
    std::unique_lock lock(mutex_);
    made_.reset();
    thread_ = std::thread([this] { hold(); });
    constexpr std::chrono::milliseconds pause{20};
    while (!changed_.wait_for(lock, pause, [this] { return made_.has_value(); }))
      for (const auto tid : stopped_) note_end(tid);
    auto made = *made_;
    lock.unlock();
    if (!made) thread_.join();
    return made;
  }

  /// What thread_ does.
  void hold() {
    // Where the target's threads keep all CPUs busy, the one that holds them should not wait for its turn.
    ::setpriority(PRIO_PROCESS, 0, -20);
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    auto made = stop();
    std::unique_lock lock(mutex_);
    made_ = std::move(made);
    changed_.notify_all();
    while (*made_ && !is_over_) {
      const auto left = threads_.left();
      if (left && left->count() < 0) break;
      // The clock may be another than that by which we wait.
      if (left)
        changed_.wait_for(lock, *left + std::chrono::microseconds(1));
      else
        changed_.wait(lock);
    }
    lock.unlock();
    let_go();
  }

  void let_go() noexcept {
    threads_.let_go();
    const std::lock_guard lock(mutex_);
    stopped_for_ = threads_.stopped_for();
  }

  result<void> stop() {
    auto made = try_to_stop(clock::now() + patience_);
    if (made) return made;
    let_go();
    if (threads_.has_run_out()) return threads_.too_long();
    return made;
  }

  result<void> try_to_stop(clock::time_point deadline) {
    asleep_.clear();
    running_.clear();
    registers_.clear();
    {
      const std::lock_guard lock(mutex_);
      stopped_.clear();
    }
    const bool waits = order_.stop == stop_order::whom::nobody;
    const bool stops_some = !waits && order_.stop != stop_order::whom::let_run;
    if (order_.stop != stop_order::whom::everybody) {
      auto awake = leave_asleep();
      while (waits && !awake.empty() && clock::now() < deadline) awake = leave_asleep();
      if (waits && !awake.empty())
        return error{error_code::timed_out, subject_of(pid_),
                     fmt::format("thread {} runs, and none is to be stopped", awake.front()),
                     "try again, or leave out --no-stop"};
      if (!stops_some) running_.insert(awake.begin(), awake.end());
    }
    const auto stopped_by = clock::now() + patience_;
    for (bool more = stops_some; more;) {
      const auto found = stop_new(stopped_by);
      if (!found) return found.why();
      more = *found;
    }
    has_stopped_some_ = !threads_.empty();
    for (const auto& [tid, asleep] : asleep_) {
      auto& registers = registers_.emplace_back();
      registers.tid = static_cast<std::uint32_t>(tid);
      registers.take_sleep(asleep);
    }
    if (registers_.empty() && running_.empty())
      return error{error_code::no_such_process, subject_of(pid_), "it ended meanwhile", {}};
    return {};
  }

  /// Those that are not asleep, after most have had the time to go to sleep: one that runs for a moment now and then is
  /// not to be stopped at the very moment at which it begins to wait.
  std::vector<pid_t> leave_asleep() {
    constexpr int most_looks = 20;
    constexpr std::chrono::milliseconds pause{1};
    std::vector<pid_t> awake;
    for (int look = 0; look < most_looks; ++look) {
      awake.clear();
      for (const auto tid : all_tids(pid_)) {
        if (order_.also.contains(tid)) continue;
        const auto now = read_sleep(pid_, tid);
        // In a page fault it sleeps, too, but not for long.
        if (now && now->call >= 0)
          asleep_.insert_or_assign(tid, *now);
        else if (asleep_.erase(tid); !has_ended(pid_, tid))
          awake.push_back(tid);
      }
      if (awake.empty()) break;
      std::this_thread::sleep_for(pause);
    }
    return awake;
  }

  /// False: it was known.
  bool note_stopped(pid_t tid) {
    const std::lock_guard lock(mutex_);
    return stopped_.insert(tid).second;
  }

  /// True: there were some.
  result<bool> stop_new(clock::time_point deadline) {
    bool found = false;
    for (const auto tid : all_tids(pid_)) {
      if (asleep_.contains(tid) || !note_stopped(tid)) continue;
      if (const auto asked = threads_.ask(tid); !asked) return asked.why();
      found = true;
      if (threads_.has_run_out()) return threads_.too_long();
    }
    if (const auto made = threads_.wait(deadline, registers_); !made) return made.why();
    return found;
  }

  const pid_t pid_;
  const std::chrono::milliseconds patience_;
  const stop_order order_;
  const unstoppable guard_;
  // Written by who stops, before `made_` is; read by the others after that.
  std::map<pid_t, sleeping_thread> asleep_;
  std::set<pid_t> running_;  ///< left so
  std::vector<thread_registers> registers_;
  bool has_stopped_some_ = false;
  stopped_threads threads_{pid_, order_};  ///< of who stops alone

  mutable std::mutex mutex_;  ///< of what follows
  std::condition_variable changed_;
  std::set<pid_t> stopped_;           ///< complete when `made_` is
  std::optional<result<void>> made_;  ///< nothing: is still being done
  bool is_over_ = false;
  std::chrono::nanoseconds stopped_for_{0};
  std::thread thread_;  ///< none: the caller's own stops
};

process_stop::process_stop(std::unique_ptr<holder> holds) : holder_(std::move(holds)) {}
process_stop::process_stop(process_stop&& other) noexcept = default;
process_stop::~process_stop() = default;

result<process_stop> process_stop::begin(pid_t pid, std::chrono::milliseconds patience, const stop_order& order) {
  auto holds = std::make_unique<holder>(pid, patience, order);
  if (const auto begun = holds->begin(); !begun) return begun.why();
  return process_stop(std::move(holds));
}

void process_stop::end() noexcept { holder_->end(); }
const std::vector<thread_registers>& process_stop::threads() const noexcept { return holder_->threads(); }
bool process_stop::has_stopped_some() const noexcept { return holder_->has_stopped_some(); }
std::set<pid_t> process_stop::moved() const { return holder_->moved(); }
std::optional<std::chrono::nanoseconds> process_stop::ran_out() const { return holder_->ran_out(); }
std::chrono::nanoseconds process_stop::stopped_for() const { return holder_->stopped_for(); }

}  // namespace tasks::cli
