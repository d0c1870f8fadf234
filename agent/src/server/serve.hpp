#pragma once

/// What the agent's owner and its thread share. The thread's own code is linked apart (see server.cmake): of all that
/// it is made of, tasks_serve() alone can be named from outside.

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace tasks::detail {

struct serve_shared {
  static constexpr std::size_t most_connections = 128;

  int listen_fd = -1;  ///< closed by the owner, or with the thread's own table of descriptors
  int stop_fd = -1;    ///< the end of a pipe; readable, or the other end closed: return. Closed likewise
  int kept_fd = -1;    ///< the other end: open as long as the thread lives, whatever the program does with its own
  std::string path;    ///< of the socket
  std::uint64_t instance = 0;
  std::uint64_t start_time = 0;

  /// Open connections, -1: none. Stored by the thread; loaded by the child of a fork, which closes its copies, if the
  /// thread has no table of its own.
  std::array<std::atomic<int>, most_connections> connections;
  std::atomic<bool> stops{false};
  /// 1, with has_own_descriptors, once the thread has said which table of descriptors it has. A futex(2): stored and
  /// woken by the thread, release; loaded by the owner, acquire.
  std::atomic<std::uint32_t> begun{0};
  bool has_own_descriptors = false;  ///< the thread; see own_descriptors.hpp

  [[nodiscard]] std::array<int, 3> descriptors() const noexcept { return {listen_fd, stop_fd, kept_fd}; }

  serve_shared() noexcept {
    for (auto& fd : connections) fd.store(-1, std::memory_order_relaxed);
  }
};

/// The agent's thread, to its end: answers until stop_fd says so, or `stops` is true, at which it looks once a second.
/// Takes no lock, and calls nothing of libc but what tests/agent/symbols.cmake lists.
extern "C" [[gnu::visibility("hidden")]] void tasks_serve(serve_shared& shared) noexcept;

}  // namespace tasks::detail
