#include "linux/stopped_threads.hpp"

#include <elf.h>
#include <errno.h>
#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include <algorithm>
#include <cstring>
#include <thread>
#include <utility>

#include "linux/interrupted_call.hpp"
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

std::vector<std::uint64_t> register_set(pid_t tid, unsigned type) {
  std::vector<std::uint64_t> words(2048);
  iovec io{words.data(), words.size() * sizeof words[0]};
  if (::ptrace(PTRACE_GETREGSET, tid, type, &io) != 0) io.iov_len = 0;
  words.resize(io.iov_len / sizeof words[0]);
  return words;
}

/// Nothing: they cannot be read, or are of no 64-bit thread.
std::optional<thread_registers> registers_of(pid_t tid) {
  thread_registers registers;
  registers.tid = static_cast<std::uint32_t>(tid);
  registers.general = register_set(tid, NT_PRSTATUS);
  if (!registers.take_general()) return std::nullopt;
#if defined(__aarch64__)
  if (const auto tls = register_set(tid, NT_ARM_TLS); !tls.empty()) registers.thread_pointer = tls[0];
  const unsigned extended = NT_ARM_SVE;
#else
  const unsigned extended = NT_X86_XSTATE;
#endif
  registers.vector = register_set(tid, NT_PRFPREG);
  if (registers.vector.empty()) return std::nullopt;
  const auto more = register_set(tid, extended);
  registers.vector.insert(registers.vector.end(), more.begin(), more.end());
  return registers;
}

}  // namespace

std::optional<std::chrono::nanoseconds> stopped_threads::left() const {
  if (!order_.longest || !begin_) return std::nullopt;
  return *begin_ + *order_.longest - order_.now();
}

bool stopped_threads::has_run_out() const {
  const auto time = left();
  return (time && time->count() < 0) || (order_.longest && longest_ > *order_.longest);
}

error stopped_threads::too_long() const {
  return stopped_too_long(pid_, order_.longest.value_or(std::chrono::milliseconds(0)), longest_);
}

result<void> stopped_threads::ask(pid_t tid) {
  const auto before = order_.now();
  tracee asked(tid);
  refused_for_.reset();
  if (asked.is() == tracee::state::refused) {
    if (!has_ended(pid_, tid)) {
      if (asked.error() == EPERM) {
        refused_for_ = tracer_of(tid);
        return trace_refusal(pid_, tid);
      }
      return error{error_code::system, subject_of(pid_),
                   fmt::format("its threads cannot be stopped: {}", std::strerror(asked.error())), ""};
    }
    asked.give_up();
  }
  if (!begin_ && asked.is() != tracee::state::gone) begin_ = before;
  // One that is gone may have begun another thread before it ended: list them once more.
  tracees_.push_back(asked);
  return {};
}

result<void> stopped_threads::wait_for(tracee& t, clock::time_point deadline) const {
  for (int tries = 0; t.look() == tracee::state::running; ++tries) {
    // A dead leader of living threads never stops.
    if (tries % 64 == 63 && has_ended(pid_, t.tid())) {
      t.give_up();
      break;
    }
    if (has_run_out()) return too_long();
    if (clock::now() > deadline)
      return error{error_code::timed_out, subject_of(pid_), fmt::format("thread {} cannot be stopped", t.tid()),
                   "it waits in the kernel; try again"};
    if (tries < 8)
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  if (t.is() == tracee::state::stopped && !t.has_signal()) go_on_waiting(t.tid(), waits::endless);
  return {};
}

result<void> stopped_threads::wait(clock::time_point deadline, std::vector<thread_registers>& to) {
  for (auto next = read_; next < tracees_.size(); ++next)
    if (const auto stopped = wait_for(tracees_[next], deadline); !stopped) return stopped.why();
  for (; read_ < tracees_.size(); ++read_) {
    if (tracees_[read_].is() != tracee::state::stopped) continue;
    if (has_run_out()) return too_long();
    auto registers = registers_of(tracees_[read_].tid());
    if (!registers)
      return error{error_code::system,
                   subject_of(pid_),
                   fmt::format("the registers of thread {} cannot be read", tracees_[read_].tid()),
                   {}};
    to.push_back(*std::move(registers));
  }
  return {};
}

void stopped_threads::let_go() noexcept {
  for (auto& t : tracees_) t.let_go();
  // Only a stopped thread can be let go: give it the moment that it did not have before.
  for (auto& t : tracees_) {
    for (int i = 0; i < 100 && t.look() == tracee::state::running; ++i)
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    t.let_go();
  }
  if (begin_) longest_ = std::max<std::chrono::nanoseconds>(longest_, order_.now() - *begin_);
  tracees_.clear();
  read_ = 0;
  begin_.reset();
}

}  // namespace tasks::cli
