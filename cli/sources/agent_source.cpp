#include "sources/agent_source.hpp"

#include <errno.h>
#include <fmt/format.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <vector>

#include "sources/agent_sockets.hpp"
#include "target/roots.hpp"

namespace tasks::cli {
namespace {

class agent_source final : public snapshot_source {
 public:
  agent_source(std::shared_ptr<target> process, descriptor socket, identity who, std::string path,
               std::chrono::milliseconds timeout)
      : process_(std::move(process)), connection_(std::move(socket), who), path_(std::move(path)), timeout_(timeout) {}

  [[nodiscard]] pid_t pid() const override { return connection_.expected().pid; }
  [[nodiscard]] target* from() const override { return process_.get(); }
  [[nodiscard]] std::string description() const override { return "agent at " + path_; }

  result<v1::Vitals> vitals(bool counts_only, const chunk_visitor& visit) override {
    v1::Request request;
    request.set_protocol(protocol_version);
    request.mutable_vitals()->set_counts_only(counts_only);
    connection_.send(request);
    v1::Vitals vitals;
    const auto driven = drive(connection_, timeout_, [&](const v1::Response& part) {
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
    connection_.send(request);
    v1::Trailer trailer;
    const auto driven = drive(connection_, timeout_, [&](const v1::Response& part) {
      if (part.has_trailer()) trailer = part.trailer();
      return !part.has_chunk() || visit(part.chunk());
    });
    if (!driven) return driven.why();
    return trailer;
  }

 private:
  std::shared_ptr<target> process_;
  agent_connection connection_;
  std::string path_;
  std::chrono::milliseconds timeout_;
};

/// connect_to(), patient with an agent whose queue of connections is full.
descriptor connect_patiently(const std::string& path, pid_t via, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    auto socket = connect_to(path, via);
    if (socket || errno != EAGAIN || std::chrono::steady_clock::now() >= deadline) return socket;
    ::poll(nullptr, 0, 5);
  }
}

struct candidate {
  std::string path;
  pid_t via;
};

/// Sockets that could be the agent's where the root cannot be read: those that the kernel lists under its name.
std::vector<candidate> candidates_by_name(const identity& who) {
  std::vector<candidate> found;
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
  if (stat->state == 'Z') return error{error_code::no_such_process, subject, "the process has ended", ""};
  const identity who{pid, innermost_pid(pid), stat->start_time};

  std::vector<candidate> candidates;
  for (const auto& root : roots.roots) {
    const bool listens = root.agent == layout::agent_status::listening && root.pid == who.inner_pid;
    if (listens && !root.socket_path.empty()) candidates.push_back({root.socket_path, pid});
  }
  if (candidates.empty() && roots.failure != 0) candidates = candidates_by_name(who);

  int failure = 0;
  for (const auto& [path, via] : candidates) {
    auto socket = connect_patiently(path, via, timeout);
    if (!socket && (errno == EACCES || errno == EPERM || errno == ENOENT)) {
      // /proc/PID/root may be closed to us where the path itself is not.
      const int first = errno;
      socket = connect_patiently(path, 0, timeout);
      if (!socket) errno = first;
    }
    if (socket) {
      return std::unique_ptr<snapshot_source>(
          std::make_unique<agent_source>(std::move(process), std::move(socket), who, path, timeout));
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
      return error{error_code::permission_denied, subject, "permission denied on its socket " + path,
                   "run as its owner, or as root"};
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
