#include "linux/process_stop.hpp"

#include <elf.h>
#include <errno.h>
#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "linux/proc.hpp"
#include "linux/right_to_look.hpp"

#ifndef NT_X86_XSTATE
#  define NT_X86_XSTATE 0x202
#endif
#ifndef NT_ARM_TLS
#  define NT_ARM_TLS 0x401
#endif
#ifndef NT_ARM_SVE
#  define NT_ARM_SVE 0x405
#endif

namespace tasks::cli {
namespace {

using clock = std::chrono::steady_clock;

std::vector<std::uint64_t> register_set(pid_t tid, unsigned type) {
  std::vector<std::uint64_t> words(2048);
  iovec io{words.data(), words.size() * sizeof words[0]};
  if (::ptrace(PTRACE_GETREGSET, tid, type, &io) != 0) io.iov_len = 0;
  words.resize(io.iov_len / sizeof words[0]);
  return words;
}

error stop_error(pid_t pid, int why) {
  if (why == ESRCH) return {error_code::no_such_process, subject_of(pid), "it ended meanwhile", {}};
  return {error_code::system, subject_of(pid), fmt::format("its threads cannot be stopped: {}", std::strerror(why)),
          ""};
}

}  // namespace

error stopped_too_long(pid_t pid) {
  return {error_code::timed_out, subject_of(pid), "to stop it and copy its memory takes longer than it may be stopped",
          "let it be stopped for longer, use --no-stop, or look at a core of it"};
}

process_stop::process_stop(process_stop&& other) noexcept
    : pid_(other.pid_),
      asleep_(std::move(other.asleep_)),
      running_(std::move(other.running_)),
      tracees_(std::exchange(other.tracees_, {})),
      registers_(std::move(other.registers_)) {}

bool process_stop::is_known(pid_t tid) const {
  return asleep_.contains(tid) ||
         std::any_of(tracees_.begin(), tracees_.end(), [tid](const tracee& t) { return t.tid() == tid; });
}

/// Those that are not asleep, after most have had the time to go to sleep: one that runs for a moment now and then is
/// not to be stopped at the very moment at which it begins to wait.
std::vector<pid_t> process_stop::leave_asleep(const stop_order& order) {
  constexpr int most_looks = 20;
  constexpr std::chrono::milliseconds pause{1};
  std::vector<pid_t> awake;
  for (int look = 0; look < most_looks; ++look) {
    awake.clear();
    for (const auto tid : all_tids(pid_)) {
      if (order.also.contains(tid)) continue;
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

std::set<pid_t> process_stop::moved() const {
  auto moved = running_;
  for (const auto& [tid, before] : asleep_)
    if (read_sleep(pid_, tid) != before) moved.insert(tid);
  for (const auto tid : all_tids(pid_))
    if ((!asleep_.empty() || !running_.empty()) && !is_known(tid) && !has_ended(pid_, tid)) moved.insert(tid);
  return moved;
}

/// True: there were some.
result<bool> process_stop::seize_new() {
  bool found = false;
  for (const auto tid : all_tids(pid_)) {
    if (is_known(tid)) continue;
    tracee seized(tid);
    if (seized.is() == tracee::state::refused) {
      if (!has_ended(pid_, tid))
        return seized.error() == EPERM ? trace_refusal(pid_, tid) : stop_error(pid_, seized.error());
      seized.give_up();
    }
    // One that is gone may have begun another thread before it ended: list them once more.
    tracees_.push_back(seized);
    found = true;
  }
  return found;
}

bool process_stop::wait_for(tracee& t, clock::time_point deadline) {
  for (int tries = 0; t.look() == tracee::state::running; ++tries) {
    // A dead leader of living threads never stops.
    if (tries % 64 == 63 && has_ended(pid_, t.tid())) {
      t.give_up();
      return true;
    }
    if (clock::now() > deadline) return false;
    if (tries < 8)
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  return true;
}

bool process_stop::read_registers(pid_t tid) {
  thread_registers registers;
  registers.tid = static_cast<std::uint32_t>(tid);
  registers.general = register_set(tid, NT_PRSTATUS);
  if (!registers.take_general()) return false;
#if defined(__aarch64__)
  if (const auto tls = register_set(tid, NT_ARM_TLS); !tls.empty()) registers.thread_pointer = tls[0];
  const unsigned extended = NT_ARM_SVE;
#else
  const unsigned extended = NT_X86_XSTATE;
#endif
  registers.vector = register_set(tid, NT_PRFPREG);
  if (registers.vector.empty()) return false;
  const auto more = register_set(tid, extended);
  registers.vector.insert(registers.vector.end(), more.begin(), more.end());
  registers_.push_back(std::move(registers));
  return true;
}

result<process_stop> process_stop::begin(pid_t pid, std::chrono::milliseconds patience, const stop_order& order) {
  process_stop stop(pid);
  const auto deadline = clock::now() + patience;
  const bool waits = order.stop == stop_order::whom::nobody;
  const bool stops_some = !waits && order.stop != stop_order::whom::let_run;
  if (order.stop != stop_order::whom::everybody) {
    auto awake = stop.leave_asleep(order);
    while (waits && !awake.empty() && clock::now() < deadline) awake = stop.leave_asleep(order);
    if (waits && !awake.empty())
      return error{error_code::timed_out, subject_of(pid),
                   fmt::format("thread {} runs, and none is to be stopped", awake.front()),
                   "try again, or leave out --no-stop"};
    if (!stops_some) stop.running_.insert(awake.begin(), awake.end());
  }
  for (bool more = stops_some; more;) {
    const auto found = stop.seize_new();
    if (!found) return found.why();
    more = *found;
    for (auto& t : stop.tracees_) {
      if (!stop.wait_for(t, deadline)) {
        return error{error_code::timed_out, subject_of(pid), fmt::format("thread {} cannot be stopped", t.tid()),
                     "it waits in the kernel; try again"};
      }
    }
  }
  for (const auto& t : stop.tracees_) {
    if (t.is() != tracee::state::stopped) continue;
    if (!stop.read_registers(t.tid()))
      return error{
          error_code::system, subject_of(pid), fmt::format("the registers of thread {} cannot be read", t.tid()), {}};
  }
  for (const auto& [tid, asleep] : stop.asleep_) {
    auto& registers = stop.registers_.emplace_back();
    registers.tid = static_cast<std::uint32_t>(tid);
    registers.take_sleep(asleep);
  }
  if (stop.registers_.empty() && stop.running_.empty()) return stop_error(pid, ESRCH);
  return stop;
}

void process_stop::end() noexcept {
  for (auto& t : tracees_) {
    // Only a stopped thread can be let go: give it the moment that it did not have before.
    for (int i = 0; i < 100 && t.look() == tracee::state::running; ++i)
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    t.let_go();
  }
  tracees_.clear();
}

}  // namespace tasks::cli
