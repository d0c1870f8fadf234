#include "linux/process_stop.hpp"

#include <elf.h>
#include <errno.h>
#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "linux/proc.hpp"

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

std::vector<pid_t> threads_of(pid_t pid) {
  std::vector<pid_t> found;
  std::error_code error;
  for (std::filesystem::directory_iterator it(fmt::format("/proc/{}/task", pid), error), end; !error && it != end;
       it.increment(error)) {
    const auto name = it->path().filename().string();
    pid_t tid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), tid).ec == std::errc{}) found.push_back(tid);
  }
  return found;
}

/// Has ended, and only waits to be reaped.
bool is_dead(pid_t pid, pid_t tid) {
  const auto text = read_file(fmt::format("/proc/{}/task/{}/stat", pid, tid).c_str());
  const auto stat = text ? parse_stat(*text) : std::nullopt;
  return !stat || stat->state == 'Z' || stat->state == 'X';
}

std::vector<std::uint64_t> register_set(pid_t tid, unsigned type) {
  std::vector<std::uint64_t> words(2048);
  iovec io{words.data(), words.size() * sizeof words[0]};
  if (::ptrace(PTRACE_GETREGSET, tid, type, &io) != 0) io.iov_len = 0;
  words.resize(io.iov_len / sizeof words[0]);
  return words;
}

error stop_error(pid_t pid, int why) {
  if (why == ESRCH) return {error_code::no_such_process, subject_of(pid), "it ended meanwhile", {}};
  return {why == EPERM ? error_code::permission_denied : error_code::system, subject_of(pid),
          fmt::format("its threads cannot be stopped: {}", std::strerror(why)),
          why == EPERM ? "run as its user with the right to trace it, or as root" : ""};
}

}  // namespace

process_stop::process_stop(process_stop&& other) noexcept
    : pid_(other.pid_), tracees_(std::exchange(other.tracees_, {})), registers_(std::move(other.registers_)) {}

/// True: there were some.
result<bool> process_stop::seize_new() {
  bool found = false;
  for (const auto tid : threads_of(pid_)) {
    if (std::any_of(tracees_.begin(), tracees_.end(), [tid](const tracee& t) { return t.tid == tid; })) continue;
    if (::ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) != 0) {
      const int why = errno;
      if (why == ESRCH || is_dead(pid_, tid)) {
        // It may have begun another thread before it ended: list them once more.
        tracees_.push_back({.tid = tid, .gone = true});
        found = true;
        continue;
      }
      return stop_error(pid_, why);
    }
    tracees_.push_back({tid});
    // Fails only for a thread that is gone, as waiting for it will show.
    ::ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr);
    found = true;
  }
  return found;
}

bool process_stop::wait_for(tracee& t, clock::time_point deadline) {
  for (int tries = 0;; ++tries) {
    int status = 0;
    const auto got = ::waitpid(t.tid, &status, __WALL | WNOHANG);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 || (got == t.tid && (WIFEXITED(status) || WIFSIGNALED(status)))) {
      t.gone = true;
      return true;
    }
    if (got == t.tid && WIFSTOPPED(status)) {
      t.stopped = true;
      // A signal that it was about to be given; PTRACE_EVENT_STOP is ours, or that of a stop signal.
      t.signal = status >> 16 == 0 ? WSTOPSIG(status) : 0;
      return true;
    }
    // A dead leader of living threads never stops.
    if (tries % 64 == 63 && is_dead(pid_, t.tid)) {
      t.gone = true;
      return true;
    }
    if (clock::now() > deadline) return false;
    if (tries < 8)
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
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

result<process_stop> process_stop::begin(pid_t pid, std::chrono::milliseconds patience) {
  process_stop stop(pid);
  const auto deadline = clock::now() + patience;
  for (bool more = true; more;) {
    const auto found = stop.seize_new();
    if (!found) return found.why();
    more = *found;
    for (auto& t : stop.tracees_) {
      if (t.stopped || t.gone) continue;
      if (!stop.wait_for(t, deadline)) {
        return error{error_code::timed_out, subject_of(pid), fmt::format("thread {} cannot be stopped", t.tid),
                     "it waits in the kernel; try again"};
      }
    }
  }
  for (const auto& t : stop.tracees_) {
    if (t.gone) continue;
    if (!stop.read_registers(t.tid))
      return error{error_code::system, subject_of(pid), fmt::format("thread {} tells no registers", t.tid), {}};
  }
  if (stop.registers_.empty()) return stop_error(pid, ESRCH);
  return stop;
}

void process_stop::end() noexcept {
  for (const auto& t : std::exchange(tracees_, {})) {
    if (t.gone) continue;
    if (!t.stopped) {
      // Only a stopped thread can be let go: give it the moment that it did not have before.
      int status = 0;
      for (int i = 0; i < 100 && ::waitpid(t.tid, &status, __WALL | WNOHANG) == 0; ++i)
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    ::ptrace(PTRACE_DETACH, t.tid, nullptr, static_cast<std::intptr_t>(t.signal));
  }
}

}  // namespace tasks::cli
