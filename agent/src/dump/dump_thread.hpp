#pragma once

/// The agent's thread that writes dumps. One an object, started by the first dump_on_…(), asleep until it is woken.
///
///   handler ──> asked (a bit a signal), semaphore ──> thread ──> dump
///
/// A semaphore, not a pipe: sem_post may be called by a handler, needs no descriptor, and a program that closes all of
/// its descriptors as it becomes a daemon does not have a byte written into whatever gets that number then.

#include <atomic>
#include <cstdint>
#include <string>

namespace tasks::detail {

inline constexpr int most_signals = 64;
constexpr std::uint64_t signal_bit(int signal) noexcept { return std::uint64_t{1} << (signal - 1); }

/// "SIGQUIT"; of real-time signals "signal 35". Throws std::bad_alloc.
[[nodiscard]] std::string signal_name(int signal);

/// Starts it, unless it is there: with all signals blocked but those it is told to let in. 0 or errno. Any thread.
[[nodiscard]] int start_dump_thread() noexcept;
/// Does it exist, in this process? Async-signal-safe.
[[nodiscard]] bool has_dump_thread() noexcept;
/// Async-signal-safe: a signal has come.
void ask_for_dump(int signal) noexcept;
/// The dump of a signal goes to such a file (empty: standard error), and what it ends in. Throws std::bad_alloc.
void set_dump(int signal, const std::string& path, bool exits);
/// Does that signal end the process? Async-signal-safe.
[[nodiscard]] bool ends_by(int signal) noexcept;
/// The signal is let into the thread from now on: where all others block it, it comes there.
void let_in(int signal) noexcept;
/// Looks for deadlocks from now on, until one was found. Throws std::bad_alloc.
void watch_for_deadlock(const std::string& path);

}  // namespace tasks::detail
