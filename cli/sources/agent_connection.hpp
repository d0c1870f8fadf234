#pragma once

/// One connection to an agent, driven by whoever polls its descriptor; nothing in it waits.
///
///   connect_to() ──> send(request) ──> on_ready() … ──> handler gets Hello, then each part of the answer

#include <google/protobuf/arena.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/error.hpp"
#include "linux/proc.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

/// The protocol that this reader speaks.
inline constexpr std::uint32_t protocol_version = 1;

/// Who should answer: what /proc says of the target.
struct identity {
  pid_t pid = 0;        ///< in our pid namespace
  pid_t inner_pid = 0;  ///< in the target's own
  std::uint64_t start_time = 0;
};

/// Opens a connection to the socket at `path` as the process `via` sees it (0: as we see it).
/// Returns -1 with errno: ENOENT and ECONNREFUSED when nobody listens, EAGAIN when its queue is full.
[[nodiscard]] descriptor connect_to(const std::string& path, pid_t via);

class agent_connection {
 public:
  enum class progress { more, done, hung_up };
  /// Gets each part of the answer. May keep nothing of it after it returns. False: stop reading.
  using part_handler = std::function<bool(const v1::Response&)>;

  /// Precondition: `socket` is connected and does not block.
  agent_connection(descriptor socket, identity expected);

  /// Queues a request, and sends as much of it as goes without waiting. Neither Hello nor the answer before need have
  /// come yet.
  void send(const v1::Request& request);
  /// To be sent by flush(), or with what is sent next: requests that come together wake an agent once.
  void queue(const v1::Request& request);
  /// Sends as much of what is queued as goes without waiting.
  void flush();
  /// Reads and writes what can be without waiting, and leaves who sends without end after some megabytes, so that its
  /// reader may look at the time. `done`: the answer's last part has been handled; what came behind it
  /// is handled by the next call, for which its descriptor need not become ready. `hung_up`: the agent has closed it
  /// before that, and what came until then was handled. Its process may be about to end, which tells why: who has
  /// several of them waits for all at once (linux/process_ends).
  result<progress> on_ready(const part_handler& handler);

  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  /// Where it has hung up, and after that wait: why.
  [[nodiscard]] error why_it_hung_up() const;
  [[nodiscard]] bool wants_to_write() const noexcept { return !out_.empty(); }
  /// So far; tells a slow agent from a silent one.
  [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }
  [[nodiscard]] const v1::Hello& hello() const noexcept { return hello_; }
  [[nodiscard]] const identity& expected() const noexcept { return expected_; }

 private:
  result<progress> parse(const part_handler& handler);
  result<void> check(const v1::Hello& hello) const;

  descriptor socket_;
  identity expected_;
  std::string out_;
  std::string in_;
  std::size_t begin_ = 0;  ///< of what is not parsed yet, in in_
  std::size_t end_ = 0;
  std::uint64_t bytes_read_ = 0;
  v1::Hello hello_;
  bool greeted_ = false;
  google::protobuf::Arena arena_;  ///< of the part being handled
};

/// Drives one connection until its answer is complete; fails when no byte comes for `timeout`, or too few for the time
/// that was waited: four times `timeout`, and a second for each 64 KiB. What the handler does meanwhile does not count.
result<void> drive(agent_connection& connection, std::chrono::milliseconds timeout,
                   const agent_connection::part_handler& handler);

/// No byte came for `timeout`.
[[nodiscard]] error timed_out_error(pid_t pid, std::chrono::milliseconds timeout);

}  // namespace tasks::cli
