#include "linux/thread_copy.hpp"

#include <elf.h>
#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <time.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "base/error.hpp"
#include "linux/interrupted_call.hpp"
#include "linux/kept_threads.hpp"
#include "linux/proc.hpp"
#include "linux/registers.hpp"
#include "linux/right_to_look.hpp"
#include "linux/sleep.hpp"
#include "linux/tracee.hpp"

namespace tasks::cli {
namespace {

using clock = std::chrono::steady_clock;

/// A thread that does not stop in this time sleeps where no signal wakes it, or gets no CPU.
constexpr std::chrono::milliseconds patience{500};

/// Stops a thread for as long as this object lives, if it can.
class stopped_thread {
 public:
  explicit stopped_thread(pid_t tid) : begin_(clock::now()), thread_(tid) { wait_for_stop(); }
  ~stopped_thread() { thread_.let_go(); }
  stopped_thread(const stopped_thread&) = delete;
  stopped_thread& operator=(const stopped_thread&) = delete;

  /// `refused` also where it has ended meanwhile: EPERM is what the kernel says then.
  [[nodiscard]] tracee::state is() const noexcept { return thread_.is(); }
  [[nodiscard]] bool has_signal() const noexcept { return thread_.has_signal(); }

  /// Precondition: is() == stopped, and not let go before. How long it was stopped, at most.
  std::chrono::nanoseconds let_go() {
    thread_.let_go();
    return clock::now() - begin_;
  }

 private:
  void wait_for_stop() {
    sigset_t child;
    ::sigemptyset(&child);
    ::sigaddset(&child, SIGCHLD);
    for (const auto deadline = begin_ + patience; thread_.is() == tracee::state::running && begin_ < deadline;) {
      const auto asked = clock::now();
      if (thread_.look() != tracee::state::running) return;
      begin_ = asked;
      // SIGCHLD is blocked: one that came since the look ends this at once. Where our parent made us ignore it, none
      // comes.
      const timespec pause = {0, 1'000'000};
      ::sigtimedwait(&child, nullptr, &pause);
    }
  }

  clock::time_point begin_;  ///< it still ran then
  tracee thread_;
};

/// Copies one thread after another.
class copier {
 public:
  copier(pid_t pid, bool stops_sleepers, thread_copies& to)
      : pid_(pid), stops_sleepers_(stops_sleepers), to_(to), memory_(process_memory(pid)), buffer_(most_stack) {}

  /// False: the thread is still traced, and is to be given up by ending ours.
  bool copy(thread_copy& to) {
    if (!stops_sleepers_ && copy_asleep(to)) return true;
    tracer_patience with_tracers(pid_);
    for (;;) {
      stopped_thread thread(to.tid);
      switch (thread.is()) {
        case tracee::state::stopped:
          if (!thread.has_signal()) go_on_waiting(to.tid, waits::endless);
          copy_stopped(thread, to);
          return true;
        case tracee::state::refused:
          if (with_tracers.goes_on(tracer_of(to.tid))) break;
          refuse(to);
          return true;
        case tracee::state::gone:
          to.failure = ended;
          return true;
        case tracee::state::running:
          to.failure = fmt::format("the kernel did not stop it within {} ms", patience.count());
          return false;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

 private:
  static constexpr const char* ended = "the thread has ended";

  /// False: it runs, or has run meanwhile.
  bool copy_asleep(thread_copy& to) {
    const auto before = read_sleep(pid_, to.tid);
    if (!before) return false;
    const auto begin = before->stack_pointer - red_zone;
    const auto used = memory_->read(begin, buffer_.data(), buffer_.size());
    if (used <= red_zone || read_sleep(pid_, to.tid) != before) return false;
    to.registers = in_dwarf_order(before->stack_pointer);
    to.pc = before->instruction_pointer;
    to.slept = true;
    keep_stack(begin, used, to);
    return true;
  }

  void keep_stack(std::uint64_t begin, std::size_t used, thread_copy& to) {
    to.stack_begin = begin;
    to.stack.assign(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(used));
  }

  void copy_stopped(stopped_thread& thread, thread_copy& to) {
    thread_registers registers;
    registers.general.resize(sizeof(user_regs_struct) / sizeof registers.general[0]);
    const auto size = registers.general.size() * sizeof registers.general[0];
    iovec wanted{registers.general.data(), size};
    const bool known = ::ptrace(PTRACE_GETREGSET, to.tid, NT_PRSTATUS, &wanted) == 0 && wanted.iov_len == size &&
                       registers.take_general();
    const auto begin = registers.stack_pointer - red_zone;
    const auto used = known ? memory_->read(begin, buffer_.data(), buffer_.size()) : 0;
    to_.longest_stop = std::max(to_.longest_stop, thread.let_go());
    if (!known) {
      to.failure = "its registers cannot be read, or are not those of 64-bit code";
      return;
    }
    to.registers = in_dwarf_order(registers.general);
    to.pc = registers.instruction_pointer;
    keep_stack(begin, used, to);
  }

  /// EPERM is also what an ended thread gives.
  void refuse(thread_copy& to) {
    if (has_ended(pid_, to.tid)) {
      to.failure = ended;
      return;
    }
    const auto why = trace_refusal(pid_, to.tid);
    to.failure = why.fact;
    if (!to_.refusal) to_.refusal = why;
  }

  pid_t pid_;
  bool stops_sleepers_;
  thread_copies& to_;
  std::unique_ptr<memory> memory_;
  std::vector<unsigned char> buffer_;  ///< its pages are there before a thread is stopped
};

thread_copies copy_all(pid_t pid, std::span<const pid_t> tids, bool stops_sleepers) {
  thread_copies copies;
  for (const pid_t tid : tids) copies.threads.emplace_back().tid = tid;
  std::vector<thread_copy*> others;
  for (auto& each : copies.threads) {
    // Nobody but who keeps it can stop it.
    if (kept_threads().contains(each.tid))
      (void)copier(pid, stops_sleepers, copies).copy(each);
    else
      others.push_back(&each);
  }
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);
  for (std::size_t next = 0; next < others.size();) {
    std::thread([&] {
      // Where the target's threads keep all CPUs busy, the one that holds one of them should not wait for its turn.
      ::setpriority(PRIO_PROCESS, 0, -20);
      copier copier(pid, stops_sleepers, copies);
      while (next < others.size() && copier.copy(*others[next++])) {
      }
    }).join();
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return copies;
}

}  // namespace

std::optional<std::uint64_t> word_at(const thread_copy& copy, std::uint64_t address) {
  std::uint64_t value = 0;
  if (address < copy.stack_begin || copy.stack.size() < sizeof value ||
      address - copy.stack_begin > copy.stack.size() - sizeof value)
    return std::nullopt;
  ::memcpy(&value, copy.stack.data() + (address - copy.stack_begin), sizeof value);
  return value;
}

thread_copies copy_threads(pid_t pid, std::span<const pid_t> tids) { return copy_all(pid, tids, false); }
thread_copies copy_stopped_threads(pid_t pid, std::span<const pid_t> tids) { return copy_all(pid, tids, true); }

}  // namespace tasks::cli
