#include "dump/dump_thread.hpp"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <limits>
#include <memory>
#include <mutex>
#include <ostream>
#include <utility>
#include <vector>

#include "dump/deadlock_watch.hpp"
#include "dump/dump_sink.hpp"
#include "registry/forks.hpp"
#include "registry/process_roots.hpp"
#include "registry/registry.hpp"
#include "task_copy.hpp"
#include "tasks/dump.hpp"

// ThreadSanitizer's, where it is there.
extern "C" [[gnu::weak]] void __tsan_acquire(void* address);  // NOLINT(bugprone-reserved-identifier)

namespace tasks::detail {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;
constexpr const char* thread_name = "tasks-agent";  // as the executable knows the agent's
constexpr std::uint64_t ms_to_end = 5000;           // for a dump that is being written

// Handlers load and store these; all else is the thread's, or under `guard`.
constinit std::atomic<std::uint64_t> asked{0};        ///< signals that have come
constinit std::atomic<std::uint64_t> let_through{0};  ///< signals that the thread does not block
constinit std::atomic<std::uint64_t> ending{0};       ///< signals that end the process
constinit std::atomic<pid_t> home{0};                 ///< the process that the thread is in; 0: there is none
constinit std::atomic<bool> stopping{false}, deadlock_wanted{false};
sem_t wake;  // initialized before `home` is set

constinit process_lock guard;
constinit pthread_t thread{};
// Never freed, but for what replaces it: who ends the process must not destroy what the thread reads.
constinit std::array<std::string*, most_signals + 1> paths{};  ///< by signal; 0: of deadlocks

std::string path_of(int signal) {
  const std::lock_guard hold(guard);
  const auto* path = paths[static_cast<std::size_t>(signal)];
  return path != nullptr ? *path : std::string();
}

void set_path(int signal, const std::string& path) {
  auto made = std::make_unique<std::string>(path);
  const std::lock_guard hold(guard);
  delete std::exchange(paths[static_cast<std::size_t>(signal)], made.release());
}

/// 0, or the errno that cut it short.
int write_to(const opened_sink& sink, const std::string& cause) {
  dump_descriptor.store(sink.fd.get(), relaxed);
  dump_sink buffer(sink);
  std::ostream out(&buffer);
  write_dump(out, cause);
  dump_descriptor.store(-1, relaxed);
  return buffer.error();
}

void complain(const std::string& text) {
  const auto sink = open_standard_error();
  dump_sink buffer(sink);
  std::ostream out(&buffer);
  out << "tasks: " << text << std::endl;
}

void dump_to(const std::string& pattern, const std::string& cause) {
  if (!pattern.empty()) {
    const auto path = file_named_by(pattern);
    if (const auto sink = open_dump_file(path.c_str()); sink.fd) {
      if (const int error = write_to(sink, cause); error != 0)
        complain("the dump in " + path + " is not whole: " + strerrordesc_np(error));
      return;
    } else {
      complain("cannot write a dump to " + path + ": " + sink.why);
    }
  }
  if (const auto sink = open_standard_error(); sink.fd) static_cast<void>(write_to(sink, cause));
}

/// As if there had never been a handler; with a core, where the signal makes one.
[[noreturn]] void die_of(int signal) noexcept {
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  sigaction(signal, &usual, nullptr);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
  raise(signal);
  _exit(128 + signal);  // one that is ignored unless it is handled
}

void dump_for(std::uint64_t signals) {
  // One dump for all that have come, but of each file.
  std::vector<std::pair<std::string, std::string>> causes;  ///< by path
  for (int signal = 1; signal <= most_signals; ++signal) {
    if ((signals & signal_bit(signal)) == 0) continue;
    auto path = path_of(signal);
    const auto known = std::find_if(causes.begin(), causes.end(), [&](const auto& each) { return each.first == path; });
    if (known == causes.end())
      causes.emplace_back(std::move(path), signal_name(signal));
    else
      known->second += ", " + signal_name(signal);
  }
  for (const auto& [path, cause] : causes) dump_to(path, cause);
}

void let_signals_in() noexcept {
  const auto mask = let_through.load(std::memory_order_acquire);
  sigset_t set;
  sigemptyset(&set);
  for (int signal = 1; signal <= most_signals; ++signal)
    if ((mask & signal_bit(signal)) != 0) sigaddset(&set, signal);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

/// Until it is woken, or it is time to look for a deadlock.
void wait(const deadlock_watch& watch) noexcept {
  if (!deadlock_wanted.load(std::memory_order_acquire)) {
    sem_wait(&wake);  // or a handler has run here, which has posted
    return;
  }
  const auto until = watch.next_look();
  const timespec when{.tv_sec = static_cast<time_t>(until / 1000),
                      .tv_nsec = static_cast<long>(until % 1000 * 1'000'000)};
  sem_clockwait(&wake, CLOCK_MONOTONIC, &when);
}

void work(deadlock_watch& watch) {
  if (const auto signals = asked.exchange(0, std::memory_order_acquire); signals != 0) {
    try {
      dump_for(signals);
    } catch (const std::bad_alloc&) {
      try {
        complain("no memory for a dump");
      } catch (const std::bad_alloc&) {
        // Not even for that. Who is to end ends all the same.
      }
    }
    for (int signal = 1; signal <= most_signals; ++signal)
      if ((signals & signal_bit(signal)) != 0 && ends_by(signal)) die_of(signal);
  }
  if (!deadlock_wanted.load(std::memory_order_acquire) || monotonic_ms() < watch.next_look() || !watch.look()) return;
  deadlock_wanted.store(false, relaxed);
  dump_to(path_of(0), "deadlock? Every task waits on a channel or for another task, and none has gone on for " +
                          std::to_string(deadlock_watch::usual_quiet_ms / 1000) +
                          "s: only callbacks and other threads can wake them");
}

void* run(void*) noexcept {
  pthread_setname_np(pthread_self(), thread_name);
  deadlock_watch watch;
  while (!stopping.load(std::memory_order_acquire)) {
    let_signals_in();
    wait(watch);
    try {
      work(watch);
    } catch (const std::exception&) {
      // No memory: the next one may have more luck.
    }
  }
  return nullptr;
}

/// Precondition: `guard` is held.
int start() noexcept {
  if (home.load(relaxed) == getpid()) return 0;
  stopping.store(false, relaxed);
  dumps_end_at.store(std::numeric_limits<std::uint64_t>::max(), relaxed);
  if (sem_init(&wake, 0, 0) != 0) return errno;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  home.store(getpid(), std::memory_order_release);
  const int error = pthread_create(&thread, nullptr, run, nullptr);
  if (error != 0) home.store(0, relaxed);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error == 0) sem_post(&wake);  // for what came before
  return error;
}

void start_in_child() noexcept {
  const std::lock_guard hold(guard);
  static_cast<void>(start());
}

/// Async-signal-safe, as the child of a threaded process must be until it execs. That one starts no thread here: most
/// exec at once, and for whom does not there is time until its first task.
void after_fork_in_child() noexcept {
  asked.store(0, relaxed);  // what came to the parent
  const bool was_there = home.exchange(0, relaxed) != 0;
  if (const int fd = dump_descriptor.exchange(-1, relaxed); fd >= 0) close(fd);
  if (was_there && __tsan_acquire == nullptr) call_at_next_spawn(start_in_child);
}

void watch_for_forks() noexcept {
  static constinit bool registered = false;  // under `guard`
  if (std::exchange(registered, true)) return;
  guard_roots_against_fork();
  at_fork(nullptr, nullptr, after_fork_in_child);
}

/// At exit, and before this object is unloaded: a thread must not run code that is gone. So it is waited for, and what
/// it writes to who does not read fails in time.
[[gnu::destructor]] void end_thread() noexcept {
  if (!has_dump_thread() || pthread_equal(pthread_self(), thread) != 0) return;
  dumps_end_at.store(monotonic_ms() + ms_to_end, relaxed);
  stopping.store(true, std::memory_order_release);
  sem_post(&wake);
  pthread_join(thread, nullptr);
  home.store(0, relaxed);
}

}  // namespace

std::string signal_name(int signal) {
  const char* name = sigabbrev_np(signal);
  return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(signal);
}

int start_dump_thread() noexcept {
  const std::lock_guard hold(guard);
  if (ensure_registry() == nullptr) return ENOMEM;
  note_standard_error();
  watch_for_forks();
  return start();
}

// A child of _Fork() or vfork() has a copy, and no thread.
bool has_dump_thread() noexcept { return home.load(std::memory_order_acquire) == getpid(); }

void ask_for_dump(int signal) noexcept {
  asked.fetch_or(signal_bit(signal), std::memory_order_release);
  if (has_dump_thread()) sem_post(&wake);
}

void set_dump(int signal, const std::string& path, bool exits) {
  set_path(signal, path);
  if (exits)
    ending.fetch_or(signal_bit(signal), relaxed);
  else
    ending.fetch_and(~signal_bit(signal), relaxed);
}

bool ends_by(int signal) noexcept { return (ending.load(relaxed) & signal_bit(signal)) != 0; }

void let_in(int signal) noexcept {
  let_through.fetch_or(signal_bit(signal), std::memory_order_release);
  sem_post(&wake);
}

void watch_for_deadlock(const std::string& path) {
  set_path(0, path);
  deadlock_wanted.store(true, std::memory_order_release);
  sem_post(&wake);
}

}  // namespace tasks::detail
