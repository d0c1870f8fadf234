#include <algorithm>
#include <set>
#include <utility>

#include "linux/proc.hpp"
#include "linux/process_stop.hpp"
#include "linux/same_program.hpp"
#include "target/native_stack.hpp"
#include "target/sleepers.hpp"
#include "target/target.hpp"

namespace tasks::cli {
namespace {

constexpr std::chrono::milliseconds patience{1000};

class stopped_process final : public standstill {
 public:
  /// `listeners`: inodes of the sockets of its agents, whose memory keeps nothing alive of the program's.
  stopped_process(pid_t pid, process_stop stop, std::set<std::uint64_t> listeners,
                  std::optional<std::chrono::milliseconds> longest)
      : pid_(pid),
        stop_(std::move(stop)),
        bytes_(process_memory(pid)),
        listeners_(std::move(listeners)),
        longest_(longest) {}
  [[nodiscard]] const memory& bytes() const override { return *bytes_; }
  [[nodiscard]] const std::vector<thread_registers>& threads() const override { return stop_.threads(); }
  [[nodiscard]] kernel_words kernel() const override { return read_kernel_words(pid_, bytes_->regions(), listeners_); }
  [[nodiscard]] bool is_free() const override { return !stop_.has_stopped_some(); }
  [[nodiscard]] std::set<pid_t> moved() const override { return stop_.moved(); }
  void let_go() override { stop_.end(); }
  [[nodiscard]] double stopped_ms() const override {
    return std::chrono::duration<double, std::milli>(stop_.stopped_for()).count();
  }
  [[nodiscard]] std::optional<error> ran_out() const override {
    if (const auto stopped = stop_.ran_out(); stopped && longest_) return stopped_too_long(pid_, *longest_, *stopped);
    return std::nullopt;
  }

 private:
  pid_t pid_;
  process_stop stop_;
  std::unique_ptr<memory> bytes_;
  std::set<std::uint64_t> listeners_;
  std::optional<std::chrono::milliseconds> longest_;
};

result<std::vector<root_copy>> own_roots(pid_t pid, target_roots found) {
  if (auto why = unreadable(pid, found)) return *std::move(why);
  const auto inner_pid = innermost_pid(pid);
  // One without any process's pid has no task yet.
  std::erase_if(found.roots, [](const root_copy& root) { return root.pid == 0; });
  for (auto& root : found.roots) {
    if (root.pid == inner_pid) continue;
    // A copy that a fork has left behind: its process has not yet come to say so, or never does (_Fork(3)).
    root.agent = layout::agent_status::forked;
    root.tick = root.timing = 0;
  }
  return std::move(found.roots);
}

class process final : public target {
 public:
  process(pid_t pid, std::optional<target_roots> found)
      : pid_(pid), bytes_(process_memory(pid)), found_(std::move(found)), code_(living_thread(pid)) {}

  process(pid_t pid, std::vector<root_copy> roots)
      : pid_(pid), bytes_(process_memory(pid)), roots_(std::move(roots)), code_(living_thread(pid)) {}

  [[nodiscard]] pid_t pid() const override { return pid_; }
  [[nodiscard]] bool is_alive() const override { return true; }
  [[nodiscard]] bool is_still() const override { return false; }
  [[nodiscard]] const memory& bytes() const override { return *bytes_; }
  [[nodiscard]] modules& code() override { return code_; }
  [[nodiscard]] std::vector<os_thread> threads() const override { return list_threads(pid_); }

  [[nodiscard]] const result<std::vector<root_copy>>& roots() const override {
    if (!program_) program_.emplace(pid_);
    if (!roots_) roots_ = own_roots(pid_, found_ ? *std::move(found_) : root_finder().find(pid_));
    return *roots_;
  }

  [[nodiscard]] std::optional<error> has_changed() const override {
    if (!program_ || program_->still() || program_->is_refused()) return std::nullopt;
    const auto stat = read_stat(pid_);
    if (!stat || process_has_ended(*stat))
      return error{error_code::no_such_process, subject_of(pid_), "it ended meanwhile", ""};
    return error{error_code::agent_gone, subject_of(pid_), "it executed another program meanwhile", "look again"};
  }

  const thread_copies& copy_stacks(std::span<const pid_t> tids) override {
    copies_ = copy_threads(pid_, tids);
    if (!attached_) attached_ = attach(code_, copies_.threads);
    std::vector<pid_t> again;
    for (auto& copy : copies_.threads)
      if (copy.slept && !find_frame_pointer(code_, *bytes_, copy)) again.push_back(copy.tid);
    if (!again.empty()) take(copy_stopped_threads(pid_, again));
    return copies_;
  }

  [[nodiscard]] result<std::unique_ptr<standstill>> hold(const stop_order& order) const override {
    auto stop = process_stop::begin(pid_, patience, order);
    if (!stop) return stop.why();
    std::set<std::uint64_t> listeners;
    if (roots())
      for (const auto& root : *roots())
        if (root.listener != 0) listeners.insert(root.listener);
    return std::unique_ptr<standstill>(
        std::make_unique<stopped_process>(pid_, *std::move(stop), std::move(listeners), order.longest));
  }

 private:
  /// Those that could not be had of sleeping threads. What was known of them stays where the kernel lets nobody stop
  /// one.
  void take(thread_copies again) {
    for (auto& copy : again.threads) {
      const auto known = std::find_if(copies_.threads.begin(), copies_.threads.end(),
                                      [&](const thread_copy& each) { return each.tid == copy.tid; });
      if (copy.failure.empty()) *known = std::move(copy);
    }
    copies_.longest_stop = std::max(copies_.longest_stop, again.longest_stop);
  }

  pid_t pid_;
  std::unique_ptr<memory> bytes_;
  mutable std::optional<target_roots> found_;
  mutable std::optional<result<std::vector<root_copy>>> roots_;
  mutable std::optional<same_program> program_;  ///< that had them
  thread_copies copies_;                         ///< before code_, which looks at them
  modules code_;
  bool attached_ = false;
};

}  // namespace

std::shared_ptr<target> live_target(pid_t pid) { return std::make_shared<process>(pid, std::nullopt); }

std::shared_ptr<target> live_target_without_hook(pid_t pid) {
  return std::make_shared<process>(pid, std::vector<root_copy>());
}

std::shared_ptr<target> live_target(pid_t pid, target_roots found) {
  return std::make_shared<process>(pid, std::move(found));
}

}  // namespace tasks::cli
