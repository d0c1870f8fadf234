#include "linux/thread_sampler.hpp"

#include <elf.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <time.h>

#include <algorithm>

#include "linux/interrupted_call.hpp"
#include "linux/proc.hpp"
#include "linux/right_to_look.hpp"

namespace tasks::cli {
namespace {

using sampler_clock = std::chrono::steady_clock;

/// Ends with SIGCHLD, which comes when a thread stops, or after so long.
void wait_for_stop(std::chrono::nanoseconds longest) {
  sigset_t child;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  const auto left = std::max(longest, std::chrono::nanoseconds(0));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  const timespec time{seconds.count(), static_cast<long>((left - seconds).count())};
  ::sigtimedwait(&child, nullptr, &time);
}

}  // namespace

bool thread_sampler::has_asked(pid_t tid) const {
  return std::any_of(asked_.begin(), asked_.end(), [tid](const tracee& each) { return each.tid() == tid; });
}

void thread_sampler::ask(pid_t tid) {
  if (has_asked(tid)) return;
  tracee thread(tid);
  if (thread.is() == tracee::state::running) asked_.push_back(thread);
  // EPERM is also what an ended thread gives.
  if (thread.is() == tracee::state::refused && !refusal_ && !has_ended(pid_, tid)) refusal_ = trace_refusal(pid_, tid);
}

void thread_sampler::look_at(tracee& thread, const visitor& visit) {
  const auto begin = sampler_clock::now();
  thread_registers registers;
  registers.tid = static_cast<std::uint32_t>(thread.tid());
  registers.general.resize(sizeof(user_regs_struct) / sizeof registers.general[0]);
  const auto size = registers.general.size() * sizeof registers.general[0];
  iovec wanted{registers.general.data(), size};
  const bool known = ::ptrace(PTRACE_GETREGSET, thread.tid(), NT_PRSTATUS, &wanted) == 0 && wanted.iov_len == size &&
                     registers.take_general();
  if (known) visit(thread.tid(), registers);
  if (!thread.has_signal()) go_on_waiting(thread.tid(), waits::any);
  thread.let_go();
  const auto stopped = sampler_clock::now() - begin;
  ++made_.count;
  made_.all += stopped;
  made_.longest = std::max<std::chrono::nanoseconds>(made_.longest, stopped);
}

void thread_sampler::take(sampler_clock::time_point until, const visitor& visit) {
  // Where our parent made us ignore SIGCHLD none comes, and a thread that ends sends none.
  constexpr std::chrono::milliseconds longest{1};
  const auto left = until - sampler_clock::now();
  if (left.count() > 0) wait_for_stop(asked_.empty() ? left : std::min<std::chrono::nanoseconds>(left, longest));
  for (auto& thread : asked_)
    if (thread.look() == tracee::state::stopped) look_at(thread, visit);
  std::erase_if(asked_, [](const tracee& each) { return each.is() != tracee::state::running; });
}

}  // namespace tasks::cli
