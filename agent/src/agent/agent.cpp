#include "tasks/agent.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

#include "agent/pipe_end.hpp"
#include "agent/serving_thread.hpp"
#include "agent/signals_blocked.hpp"
#include "dump/dump_environment.hpp"
#include "readers/record_reader.hpp"
#include "registry/forks.hpp"
#include "registry/process_roots.hpp"
#include "registry/registry.hpp"
#include "server/serve.hpp"
#include "server/socket_directory.hpp"

namespace tasks {
namespace detail {
namespace {

/// A started agent.
struct running_agent {
  listener socket;
  descriptor stopped;  ///< the end of a pipe that the thread waits for
  pipe_end stop;
  serve_shared shared;
  serving_thread thread;  ///< once it has descriptors of its own, those two are its, and not here any more
};

// The state of this object's agent. `guard` is held while it changes, never while anything is waited for but the
// agent's own thread. A fork waits for it, if at_fork() can, so that its child knows which descriptors are its parent's
// agent's; the child makes all of this anew.
constinit process_lock guard;
constinit pid_t home = 0;           ///< the process that the rest is of; 0: none yet
constinit std::uint32_t users = 0;  ///< agents of this generation
constinit std::uint32_t generation = 1;
constinit running_agent* running = nullptr;
constinit running_agent* inherited = nullptr;  ///< in a forked child: the parent's, never to be destroyed

void set_status(layout::agent_status status, int error) noexcept {
  this_root.agent_errno.store(error, std::memory_order_relaxed);
  // Release: who sees the status sees errno and the path that belong to it.
  this_root.agent.store(static_cast<std::uint32_t>(status), std::memory_order_release);
}

/// Async-signal-safe, as the child of a threaded process must be until it execs.
void leave_parent() noexcept {
  users = 0;
  ++generation;
  if (running == nullptr) return;
  if (!running->shared.has_own_descriptors)
    for (auto& connection : running->shared.connections)
      if (const int fd = connection.load(std::memory_order_relaxed); fd >= 0) close(fd);
  running->socket.socket.reset();
  running->stopped.reset();
  running->stop.close();
  inherited = running;
  running = nullptr;
}

void look_where_it_is() noexcept {
  const auto before = std::exchange(home, getpid());
  if (before != 0 && before != home) leave_parent();
}

/// Before there are threads, where that is possible: a fork that has begun would not wait for the first start.
[[gnu::constructor]] void watch_for_forks() noexcept {
  guard_roots_against_fork();
  at_fork([]() noexcept { guard.lock(); }, []() noexcept { guard.unlock(); },
          []() noexcept {
            guard.unlock();
            look_where_it_is();
          });
}

/// Holds the guard; a handler that forks meanwhile would wait for it for ever.
struct guarded {
  guarded() noexcept { look_where_it_is(); }
  const signals_blocked now{signals_blocked::all_but_those_of_libc};
  const std::lock_guard<process_lock> hold{guard};
};

int start_thread(running_agent& self) noexcept {
  if (const int error = self.thread.start(self.shared); error != 0) return error;
  if (self.shared.has_own_descriptors) {
    self.socket.socket.reset();
    self.stopped.reset();
  }
  return 0;
}

/// Both ends do not block, and are closed by exec.
int make_pipe(running_agent& of) noexcept {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return errno;
  of.stopped = descriptor{ends[0]};
  of.stop = pipe_end(ends[1]);
  of.shared.stop_fd = ends[0];
  of.shared.kept_fd = ends[1];
  return 0;
}

std::uint64_t random_instance() noexcept {
  std::uint64_t value = 0;
  // Early in a virtual machine's life there may be no entropy yet, and this must not wait for it.
  if (getrandom(&value, sizeof value, GRND_NONBLOCK) != sizeof value)
    value = monotonic_ms() ^ static_cast<std::uint64_t>(getpid()) << 40;
  return value | 1;
}

std::uint64_t inode_of(int fd) noexcept {
  struct stat status {};
  return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

void start() {
  if (const char* wish = secure_getenv("TASKS_AGENT"); wish != nullptr && std::strcmp(wish, "off") == 0)
    return set_status(layout::agent_status::off, 0);
  if (ensure_registry() == nullptr) return set_status(layout::agent_status::no_thread, ENOMEM);
  if (another_agent_serves()) return set_status(layout::agent_status::served_elsewhere, 0);

  auto made = std::make_unique<running_agent>();
  made->shared.instance = random_instance();
  made->shared.start_time = this_root.start_time.load(std::memory_order_relaxed);
  set_status(layout::agent_status::starting, 0);
  made->socket = open_listener(made->shared.instance);
  if (made->socket.status != layout::agent_status::starting) return set_status(made->socket.status, made->socket.error);
  made->shared.listen_fd = made->socket.socket.get();
  made->shared.path = made->socket.path;
  std::memcpy(this_root.socket_path, made->socket.path.c_str(), made->socket.path.size() + 1);
  this_root.listener.store(inode_of(made->shared.listen_fd), std::memory_order_relaxed);
  this_root.instance.store(made->shared.instance, std::memory_order_relaxed);
  // Before the thread, which may have to say otherwise.
  set_status(layout::agent_status::listening, 0);
  const int no_pipe = make_pipe(*made);
  if (const int error = no_pipe != 0 ? no_pipe : start_thread(*made); error != 0) {
    remove_name(made->socket);
    return set_status(layout::agent_status::no_thread, error);
  }
  running = made.release();
}

void stop() noexcept {
  running->stop.write();
  running->shared.stops.store(true, std::memory_order_relaxed);  // it may have lost the pipe's other end
  running->thread.join();
  remove_name(running->socket);
  if (this_root.agent.load(std::memory_order_relaxed) == static_cast<std::uint32_t>(layout::agent_status::listening))
    set_status(layout::agent_status::stopped, 0);
  // In this order, for a child that did not wait.
  delete std::exchange(running, nullptr);
}

}  // namespace
}  // namespace detail

agent::agent() noexcept {
  detail::dump_as_environment_says();
  const detail::guarded hold;
  generation_ = detail::generation;
  ++detail::users;
  if (detail::running != nullptr) return;
  try {
    detail::start();
  } catch (const std::bad_alloc&) {
    detail::set_status(agent_status::no_thread, ENOMEM);
  }
}

agent::~agent() {
  const detail::guarded hold;
  if (generation_ != detail::generation) return;
  if (--detail::users == 0 && detail::running != nullptr) detail::stop();
}

agent::report agent::status() {
  const detail::guarded hold;
  const auto code = static_cast<agent_status>(detail::this_root.agent.load(std::memory_order_acquire));
  const bool listens = code == agent_status::listening && detail::running != nullptr;
  return {code, detail::this_root.agent_errno.load(std::memory_order_relaxed),
          listens ? detail::running->socket.path : std::string()};
}

}  // namespace tasks
