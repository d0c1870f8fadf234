#include "tasks/dump.hpp"

#include <errno.h>
#include <signal.h>

#include <array>
#include <atomic>
#include <new>

#include "dump/dump_sink.hpp"
#include "dump/dump_thread.hpp"

namespace tasks {
namespace detail {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;

/// What a signal did before. Written before the handler is installed that reads it.
constinit std::array<struct sigaction, most_signals + 1> before{};
constinit std::atomic<std::uint64_t> chained{0};         ///< signals of which that is called
constinit std::atomic<std::uint64_t> spent{0};           ///< of those, whose handler wanted one and has had it
constinit std::atomic<std::uint64_t> installed_once{0};  ///< signals that a handler of somebody's may chain to ours for

void do_as_usual(int signal) noexcept {
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  sigaction(signal, &usual, nullptr);
  raise(signal);  // comes when the handler returns
}

bool is_usually_ignored(int signal) noexcept {
  return signal == SIGCHLD || signal == SIGCONT || signal == SIGURG || signal == SIGWINCH;
}

void call_earlier(int signal, siginfo_t* info, void* context) noexcept {
  const auto& earlier = before[static_cast<std::size_t>(signal)];
  // What was asked for once is called once. The kernel would have none in its place from then on.
  if ((earlier.sa_flags & static_cast<int>(SA_RESETHAND)) != 0 &&
      (spent.fetch_or(signal_bit(signal), relaxed) & signal_bit(signal)) != 0) {
    if (!is_usually_ignored(signal)) do_as_usual(signal);
    return;
  }
  if ((earlier.sa_flags & SA_SIGINFO) != 0)
    earlier.sa_sigaction(signal, info, context);
  else
    earlier.sa_handler(signal);
}

void on_signal(int signal, siginfo_t* info, void* context) noexcept {
  const int error = errno;
  if (!has_dump_thread() && ends_by(signal)) {
    do_as_usual(signal);  // a forked child that has nothing to tell
  } else {
    ask_for_dump(signal);
    if ((chained.load(relaxed) & signal_bit(signal)) != 0) call_earlier(signal, info, context);
  }
  errno = error;
}

bool is_ours(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == on_signal;
}

/// Whatever the flags say: the kernel leaves SA_SIGINFO where it has set SIG_DFL for SA_RESETHAND.
bool is_handled(const struct sigaction& action) noexcept {
  return action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN;
}

/// Faults: who returns from their handler faults again.
bool is_fault(int signal) noexcept {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL || signal == SIGTRAP ||
         signal == SIGSYS || signal == SIGABRT;
}

dump_status install(int signal, const struct sigaction& now, dump_handled handled) {
  before[static_cast<std::size_t>(signal)] = now;
  spent.fetch_and(~signal_bit(signal), relaxed);
  struct sigaction ours {};
  ours.sa_sigaction = on_signal;
  ours.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  sigemptyset(&ours.sa_mask);
  if (is_handled(now) && handled == dump_handled::chain) {
    ours.sa_mask = now.sa_mask;
    constexpr int kept = SA_NODEFER | SA_RESTART | SA_NOCLDSTOP | SA_NOCLDWAIT;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | (now.sa_flags & kept);
    chained.fetch_or(signal_bit(signal), relaxed);
  } else {
    chained.fetch_and(~signal_bit(signal), relaxed);
  }
  if (sigaction(signal, &ours, nullptr) != 0) return dump_status::bad_signal;
  installed_once.fetch_or(signal_bit(signal), relaxed);
  let_in(signal);
  return dump_status::installed;
}

/// At exit, and before this object is unloaded. Not what another handler has replaced meanwhile.
[[gnu::destructor]] void give_signals_back() noexcept {
  for (int signal = 1; signal <= most_signals; ++signal) {
    struct sigaction now {};
    if (sigaction(signal, nullptr, &now) != 0 || !is_ours(now)) continue;
    auto& earlier = before[static_cast<std::size_t>(signal)];
    if ((spent.load(relaxed) & signal_bit(signal)) != 0) earlier.sa_handler = SIG_DFL;
    sigaction(signal, &earlier, nullptr);
  }
}

}  // namespace
}  // namespace detail

dump_status dump_on_signal(int signal, const signal_dump_options& options) noexcept {
  struct sigaction now {};
  if (signal < 1 || signal > detail::most_signals || signal == SIGKILL || signal == SIGSTOP ||
      detail::is_fault(signal) || sigaction(signal, nullptr, &now) != 0)
    return dump_status::bad_signal;
  const bool again = detail::is_ours(now);
  // A handler that came after ours may call ours: two that call each other never end.
  const bool may_call_ours = (detail::installed_once.load(detail::relaxed) & detail::signal_bit(signal)) != 0;
  if (!again && detail::is_handled(now) &&
      (options.handled == dump_handled::refuse || (options.handled == dump_handled::chain && may_call_ours)))
    return dump_status::handled;
  if (!detail::is_file_pattern(options.path)) return dump_status::bad_path;
  if (detail::start_dump_thread() != 0) return dump_status::no_thread;
  try {
    detail::set_dump(signal, options.path, options.then == dump_then::exit);
  } catch (const std::bad_alloc&) {
    return dump_status::no_thread;
  }
  return again ? dump_status::installed : detail::install(signal, now, options.handled);
}

dump_status dump_on_deadlock(const std::string& path) noexcept {
  if (!detail::is_file_pattern(path)) return dump_status::bad_path;
  if (detail::start_dump_thread() != 0) return dump_status::no_thread;
  try {
    detail::watch_for_deadlock(path);
  } catch (const std::bad_alloc&) {
    return dump_status::no_thread;
  }
  return dump_status::installed;
}

}  // namespace tasks
