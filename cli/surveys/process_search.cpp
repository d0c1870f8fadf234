#include "surveys/process_search.hpp"

#include <errno.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "sources/agent_connection.hpp"
#include "sources/agent_sockets.hpp"

namespace tasks::cli {
namespace {

using lack = found_process::lack;

/// For so long it is believed that a process has no note, while it executes the same file.
constexpr std::chrono::seconds recheck_after{60};

}  // namespace

void process_search::find(const std::function<void(found_process)>& tell,
                          const std::function<bool(const process_stat&)>& passes_by) {
  tell_ = &tell;
  passes_by_ = &passes_by;
  still_listeners_.clear();
  told_.clear();
  still_known_.clear();
  find_by_sockets();
  find_the_rest();
  known_ = std::move(still_known_);
  listeners_ = std::move(still_listeners_);
}

/// What it is told by the socket is not taken on trust: who listens there was seen by a connection.
std::optional<process_stat> process_search::known_listener(const std::string& path) const {
  const auto known = listeners_.find(path);
  if (known == listeners_.end()) return std::nullopt;
  auto stat = read_stat(known->second.pid);
  if (stat && stat->start_time != known->second.start_time) stat.reset();
  return stat;
}

bool process_search::passes_by(const std::string& path, const process_stat& listener) {
  if (!*passes_by_ || !(*passes_by_)(listener) || find_stop(listener)) return false;
  still_listeners_[path] = listeners_.at(path);
  if (!told_.insert(listener.pid).second) return true;
  found_process found{.stat = listener};
  found.is_passed_by = true;
  (*tell_)(std::move(found));
  return true;
}

/// The quick way: sockets that the kernel lists under an agent's name, in our own namespaces.
void process_search::find_by_sockets() {
  for (const auto& listening : listening_sockets(0)) {
    const auto named = agent_named_by(listening.path);
    if (!named) continue;
    auto listener = known_listener(listening.path);
    if (listener && passes_by(listening.path, *listener)) continue;
    // The path that it was found at before, or else each that its name may stand for.
    const auto known = listeners_.find(listening.path);
    descriptor socket;
    std::string connected;
    if (known != listeners_.end() && !known->second.connected.empty())
      socket = connect_to(connected = known->second.connected, 0);
    for (auto path = named->paths.begin(); !socket && path != named->paths.end(); ++path) {
      socket = connect_to(connected = *path, 0);
      if (!socket && errno != ENOENT) break;
    }
    if (socket) {
      // Whoever listens, in our pid namespace. What it says of itself is held against this.
      ucred peer{};
      socklen_t size = sizeof peer;
      if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0) continue;
      // If that is another one by now, of the same number, its agent's Hello has another start time.
      if (!listener || listener->pid != peer.pid) listener = read_stat(peer.pid);
      if (!listener) continue;
      tell_of_listener(std::move(socket), *std::move(listener), named->pid, listening.path);
      if (const auto told = still_listeners_.find(listening.path); told != still_listeners_.end())
        told->second.connected = std::move(connected);
    } else if (errno == EACCES || errno == EPERM || errno == EAGAIN) {
      const bool busy = errno == EAGAIN;
      if (auto stat = read_stat(named->pid))
        tell_of(*std::move(stat), busy ? lack::patience : lack::permission,
                busy ? v1::ProcessView::SILENT : v1::ProcessView::DENIED,
                busy ? "its agent is busy" : "permission denied");
    }
  }
}

void process_search::tell_of_listener(descriptor socket, process_stat stat, pid_t inner_pid, const std::string& path) {
  const auto pid = stat.pid;
  if (told_.contains(pid)) return;
  still_listeners_[path] = {pid, stat.start_time};
  // Nor does its agent go on.
  if (const auto stop = find_stop(stat))
    return tell_of(std::move(stat), lack::motion, v1::ProcessView::SILENT, stop->words, finder_.find(pid));
  told_.insert(pid);
  found_process found{.stat = std::move(stat)};
  found.inner_pid = inner_pid == pid ? pid : innermost_pid(pid);
  found.agent = std::move(socket);
  (*tell_)(std::move(found));
}

void process_search::tell_of(process_stat stat, lack lacks, v1::ProcessView::Agent state, std::string reason,
                             std::optional<target_roots> roots) {
  if (!told_.insert(stat.pid).second) return;
  found_process found{.stat = std::move(stat)};
  found.lacks = lacks;
  found.state = state;
  found.reason = std::move(reason);
  found.roots = std::move(roots);
  (*tell_)(std::move(found));
}

/// Processes that the quick way did not reach: without an agent, or in another namespace.
void process_search::find_the_rest() {
  const pid_t self = ::getpid();
  for (const pid_t pid : all_pids()) {
    if (pid == self || told_.contains(pid)) continue;
    // Kernel threads, half of all processes, have no executable: one system call instead of three.
    if (auto link = read_link(fmt::format("/proc/{}/exe", pid).c_str())) look_at(pid, *std::move(link));
  }
}

void process_search::look_at(pid_t pid, std::string executable) {
  const auto now = std::chrono::steady_clock::now();
  auto known = known_.find(pid);
  if (known != known_.end() && (known->second.executable != executable || now - known->second.found >= recheck_after))
    known = known_.end();
  target_roots roots;
  if (known == known_.end()) {
    roots = finder_.find(pid);
    if (!roots.instrumented) still_known_[pid] = {std::move(executable), coroutines_.in(pid), now};
  } else {
    still_known_[pid] = known->second;
  }
  if (!roots.instrumented) {
    const auto told = still_known_[pid].told;
    if (told == told_coroutines::none) return;
    // To count its tasks all of its memory is copied: that is done when somebody asks for it.
    if (auto stat = read_stat(pid))
      tell_of(*std::move(stat), lack::hook, v1::ProcessView::ABSENT,
              told == told_coroutines::by_symbols ? "no hook, symbols" : "no hook, debug information");
    return;
  }
  auto stat = read_stat(pid);
  if (!stat) return;
  const auto inner_pid = innermost_pid(pid);
  for (const auto& root : roots.roots) {
    if (root.agent != layout::agent_status::listening || root.pid != inner_pid) continue;
    const auto path = fmt::format("{} {}", pid, root.socket_path);
    const auto listened = listeners_.find(path);
    if (listened != listeners_.end() && listened->second.start_time == stat->start_time && passes_by(path, *stat))
      return;
    auto socket = connect_to(root.socket_path, pid);
    if (socket) return tell_of_listener(std::move(socket), *std::move(stat), inner_pid, path);
  }
  const bool denied = roots.roots.empty() && (roots.failure == EACCES || roots.failure == EPERM);
  auto reason = denied ? "permission denied" : "no agent: " + reason_without_agent(roots, inner_pid);
  tell_of(*std::move(stat), denied ? lack::permission : lack::agent,
          denied ? v1::ProcessView::DENIED : v1::ProcessView::ABSENT, std::move(reason), std::move(roots));
}

}  // namespace tasks::cli
