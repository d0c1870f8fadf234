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
constinit std::atomic<std::uint64_t> chained{0};  ///< signals of which that is called

void call_earlier(int signal, siginfo_t* info, void* context) noexcept {
  const auto& earlier = before[static_cast<std::size_t>(signal)];
  // What was asked for once is called once.
  if ((earlier.sa_flags & static_cast<int>(SA_RESETHAND)) != 0 &&
      (chained.fetch_and(~signal_bit(signal), relaxed) & signal_bit(signal)) == 0)
    return;
  if ((earlier.sa_flags & SA_SIGINFO) != 0)
    earlier.sa_sigaction(signal, info, context);
  else
    earlier.sa_handler(signal);
}

void on_signal(int signal, siginfo_t* info, void* context) noexcept {
  const int error = errno;
  if (!has_dump_thread() && ends_by(signal)) {
    // A forked child that has nothing to tell: it ends as it would have.
    struct sigaction usual {};
    usual.sa_handler = SIG_DFL;
    sigaction(signal, &usual, nullptr);
    raise(signal);  // comes when this handler returns
  } else {
    ask_for_dump(signal);
    if ((chained.load(relaxed) & signal_bit(signal)) != 0) call_earlier(signal, info, context);
  }
  errno = error;
}

bool is_ours(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == on_signal;
}

bool is_handled(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) != 0 || (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN);
}

/// Faults: who returns from their handler faults again.
bool is_fault(int signal) noexcept {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL || signal == SIGTRAP ||
         signal == SIGSYS || signal == SIGABRT;
}

dump_status install(int signal, const struct sigaction& now, dump_handled handled) {
  auto& earlier = before[static_cast<std::size_t>(signal)];
  earlier = now;
  struct sigaction ours {};
  ours.sa_sigaction = on_signal;
  ours.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  sigemptyset(&ours.sa_mask);
  if (is_handled(now) && handled == dump_handled::chain) {
    ours.sa_mask = now.sa_mask;
    ours.sa_flags |= now.sa_flags & static_cast<int>(SA_NODEFER);
    chained.fetch_or(signal_bit(signal), relaxed);
  } else {
    chained.fetch_and(~signal_bit(signal), relaxed);
  }
  if (sigaction(signal, &ours, nullptr) != 0) return dump_status::bad_signal;
  let_in(signal);
  return dump_status::installed;
}

/// At exit, and before this object is unloaded. Not what another handler has replaced meanwhile.
[[gnu::destructor]] void give_signals_back() noexcept {
  for (int signal = 1; signal <= most_signals; ++signal) {
    struct sigaction now {};
    if (sigaction(signal, nullptr, &now) == 0 && is_ours(now))
      sigaction(signal, &before[static_cast<std::size_t>(signal)], nullptr);
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
  if (!again && options.handled == dump_handled::refuse && detail::is_handled(now)) return dump_status::handled;
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
