#pragma once

/// A reader of an agent, on a blocking socket and real Protobuf. It shares no code with the agent.

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/program.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::testing {

/// An empty directory, mode 0700, and everything in it removed at the end.
class temporary_directory {
 public:
  temporary_directory();
  ~temporary_directory();
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// "TASKS_DIR=…"
  [[nodiscard]] std::string variable() const { return "TASKS_DIR=" + path_; }

 private:
  std::string path_;
};

/// An answer from its first part to its trailer, or to the error in its place.
struct answer {
  std::optional<v1::Vitals> vitals;
  v1::Chunk all;  ///< of every chunk
  std::size_t chunks = 0;
  std::size_t largest_chunk = 0;  ///< in bytes
  std::optional<v1::Trailer> trailer;
  std::optional<v1::Error> error;
};

class agent_client {
 public:
  /// Connects. Throws std::system_error.
  explicit agent_client(const std::string& path);
  ~agent_client();
  agent_client(agent_client&&) noexcept;
  agent_client& operator=(agent_client&&) = delete;

  /// The next message; absent at the end of the stream (or a reset). Throws std::runtime_error at the guard, and for
  /// what is no Response.
  [[nodiscard]] std::optional<v1::Response> receive();
  /// The first message. Throws std::runtime_error if that is no Hello.
  v1::Hello hello();
  void send(const v1::Request& request);
  /// Bytes as they are.
  void send_bytes(std::string_view bytes);
  /// Sends, and gathers parts up to the trailer or an error. The Hello must have been received.
  [[nodiscard]] answer ask(const v1::Request& request);
  [[nodiscard]] answer receive_answer();
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  [[nodiscard]] bool fill(std::size_t bytes);

  int fd_;
  std::string unread_;
};

/// Connects, receives the Hello, asks.
[[nodiscard]] answer ask(const std::string& path, const v1::Request& request);

[[nodiscard]] v1::Request vitals_request(bool counts_only = false);
[[nodiscard]] v1::Request stacks_request(bool grouped = false);

/// A message with its length in front.
[[nodiscard]] std::string delimited(std::string_view message);

/// A function's bare name: "void {anonymous}::worker(chan&)" is "worker".
[[nodiscard]] std::string bare_name(std::string function);

/// Functions of a task's or a group's frames, innermost first: "a < b < c".
template <class Listed>
[[nodiscard]] std::string stack_text(const v1::Chunk& chunk, const Listed& listed) {
  std::string text;
  for (const auto id : listed.frames()) {
    std::string name = "?";
    for (const auto& location : chunk.locations())
      if (location.id() == id) name = location.address() != 0 ? "code" : bare_name(location.function());
    text += (text.empty() ? "" : " < ") + name;
  }
  return text;
}

}  // namespace tasks::testing
