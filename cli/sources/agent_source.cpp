#include "sources/agent_source.hpp"

#include <errno.h>
#include <fmt/format.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <optional>
#include <vector>

#include "base/progress.hpp"
#include "sources/agent_sockets.hpp"
#include "target/roots.hpp"

namespace tasks::cli {
namespace {

using steady = std::chrono::steady_clock;

/// connect_to(), patient with an agent whose queue of connections is full.
descriptor connect_patiently(const std::string& path, pid_t via, std::chrono::milliseconds timeout) {
  const auto deadline = steady::now() + timeout;
  for (;;) {
    auto socket = connect_to(path, via);
    if (socket || errno != EAGAIN || steady::now() >= deadline) return socket;
    ::poll(nullptr, 0, 5);
  }
}

/// Where a socket is, from here or from the root directory of process `via`.
struct place {
  std::string path;
  pid_t via;
};

/// An agent hangs up on who asks for nothing for ten seconds. Who has been thinking for longer than this, before it
/// asks for the first time or again, does so on a connection of its own.
constexpr std::chrono::seconds longest_pause{2};
/// Who has had runs timed keeps that connection: with its end that ends.
constexpr std::chrono::seconds longest_pause_timed{8};

std::uint64_t tasks_in(const v1::Chunk& chunk) {
  auto count = static_cast<std::uint64_t>(chunk.tasks_size());
  for (const auto& each : chunk.groups()) count += each.count();
  return count;
}

class agent_source final : public snapshot_source {
 public:
  agent_source(std::shared_ptr<target> process, descriptor socket, identity who, place at,
               std::chrono::milliseconds timeout)
      : process_(std::move(process)), at_(std::move(at)), timeout_(timeout) {
    connection_.emplace(std::move(socket), who);
  }

  [[nodiscard]] pid_t pid() const override { return connection_->expected().pid; }
  [[nodiscard]] target* from() const override { return process_.get(); }
  [[nodiscard]] std::string description() const override { return "agent at " + at_.path; }

  result<v1::Vitals> vitals(bool counts_only, const chunk_visitor& visit) override {
    v1::Request request;
    request.set_protocol(protocol_version);
    request.mutable_vitals()->set_counts_only(counts_only);
    v1::Vitals vitals;
    const auto driven = ask(request, [&](const v1::Response& part) {
      if (part.has_vitals()) vitals = part.vitals();
      return !part.has_chunk() || visit(part.chunk());
    });
    if (!driven) return driven.why();
    return vitals;
  }

  result<v1::Trailer> stacks(const v1::StacksRequest& query, const chunk_visitor& visit) override {
    v1::Request request;
    request.set_protocol(protocol_version);
    *request.mutable_stacks() = query;
    v1::Trailer trailer;
    const busy_with now("read", "tasks");
    const auto driven = ask(request, [&](const v1::Response& part) {
      busy_with::advance(tasks_in(part.chunk()));
      if (part.has_trailer()) trailer = part.trailer();
      return !part.has_chunk() || visit(part.chunk());
    });
    if (!driven) return driven.why();
    return trailer;
  }

  result<v1::TimingState> time_runs(std::chrono::milliseconds lease) override {
    v1::Request request;
    request.set_protocol(protocol_version);
    request.mutable_timing()->set_lease_ms(static_cast<std::uint32_t>(lease.count()));
    std::optional<v1::TimingState> state;
    is_timed_ = true;
    const auto driven = ask(request, [&](const v1::Response& part) {
      if (part.has_trailer()) state = part.trailer().timing();
      return true;
    });
    if (!driven && driven.why().code == error_code::protocol_mismatch)
      return error{error_code::protocol_mismatch, subject_of(pid()), "its agent is older, and cannot time runs",
                   "build the program with this release"};
    if (!driven) return driven.why();
    if (lease.count() == 0) return state.value_or(v1::TimingState());
    if (!state || !state->on())
      return error{error_code::system, subject_of(pid()), "its agent found no memory to time runs", ""};
    return *std::move(state);
  }

 private:
  result<void> ask(const v1::Request& request, const agent_connection::part_handler& handler) {
    if (steady::now() - used_ > (is_timed_ ? longest_pause_timed : longest_pause)) {
      const auto who = connection_->expected();
      connection_.reset();  // first: it serves so many at once, and no more
      connection_.emplace(connect_patiently(at_.path, at_.via, timeout_), who);
    }
    connection_->send(request);
    auto driven = drive(*connection_, timeout_, handler);
    used_ = steady::now();
    return driven;
  }

  std::shared_ptr<target> process_;
  std::optional<agent_connection> connection_;
  place at_;
  std::chrono::milliseconds timeout_;
  bool is_timed_ = false;
  steady::time_point used_ = steady::now();  ///< the connection: when it was made, or its last answer ended
};

/// Sockets that could be the agent's where the root cannot be read: those that the kernel lists under its name.
std::vector<place> candidates_by_name(const identity& who) {
  std::vector<place> found;
  for (const auto& socket : listening_sockets(who.pid)) {
    auto named = agent_named_by(socket.path);
    if (!named || named->pid != who.inner_pid) continue;
    for (auto& path : named->paths) found.push_back({std::move(path), who.pid});
  }
  return found;
}

}  // namespace

result<std::unique_ptr<snapshot_source>> connect_to_agent(std::shared_ptr<target> process, const target_roots& roots,
                                                          std::chrono::milliseconds timeout) {
  const auto pid = process->pid();
  const auto subject = subject_of(pid);
  const auto stat = read_stat(pid);
  if (!stat) return no_such_process(pid);
  if (process_has_ended(*stat)) return error{error_code::no_such_process, subject, "the process has ended", ""};
  const identity who{pid, innermost_pid(pid), stat->start_time};

  std::vector<place> candidates;
  for (const auto& root : roots.roots) {
    const bool listens = root.agent == layout::agent_status::listening && root.pid == who.inner_pid;
    if (listens && !root.socket_path.empty()) candidates.push_back({root.socket_path, pid});
  }
  if (candidates.empty() && roots.failure != 0) candidates = candidates_by_name(who);

  int failure = 0;
  for (auto& at : candidates) {
    auto socket = connect_patiently(at.path, at.via, timeout);
    if (!socket && (errno == EACCES || errno == EPERM || errno == ENOENT)) {
      // /proc/PID/root may be closed to us where the path itself is not.
      const int first = errno;
      socket = connect_patiently(at.path, 0, timeout);
      if (!socket) errno = first;
      if (socket) at.via = 0;
    }
    if (socket) {
      return std::unique_ptr<snapshot_source>(
          std::make_unique<agent_source>(std::move(process), std::move(socket), who, std::move(at), timeout));
    }
    failure = errno;
  }
  if (candidates.empty()) return no_agent_error(pid, roots);
  const auto& path = candidates.front().path;
  switch (failure) {
    case EAGAIN:
      return timed_out_error(pid, timeout);
    case EACCES:
    case EPERM:
      // To root it is the root of the process's file system that is closed, as in a container beside it.
      return error{error_code::permission_denied, subject, "permission denied on its socket " + path,
                   ::geteuid() != 0 ? "run as its owner, or as root"
                                    : "run as its owner, or give this root CAP_SYS_PTRACE (docker run --cap-add "
                                      "SYS_PTRACE)"};
    case ENOENT:
      return error{error_code::agent_gone, subject, "the agent is gone: its socket " + path + " does not exist", ""};
    case ECONNREFUSED:
      return error{error_code::agent_gone, subject, "the agent is gone: nobody listens on its socket " + path, ""};
    default:
      return error{error_code::system, subject,
                   fmt::format("cannot connect to its socket {}: {}", path, ::strerror(failure)), ""};
  }
}

}  // namespace tasks::cli
