#pragma once

/// A process that claims to be instrumented, and answers as the test has written down: what a reader prints about it
/// is the same every time. It speaks proto/tasks/v1/agent.proto with libprotobuf, and can misbehave.
///
///   fake_agent::script s;
///   s.vitals.set_tasks(14);
///   const fake_agent target(s);      a child of the test, listening, with a root behind the ELF note
///   run({tasks_executable(), "vitals", target.pid_text()});
///
/// Link `tasks_fake_agent`; the note and its root become part of the test's own executable.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tasks/detail/layout.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::testing {

class fake_agent {
 public:
  /// What it does instead of answering.
  enum class manner {
    answers,
    accepts_nothing,  ///< connections stay in the queue, as behind a stopped process
    says_nothing,     ///< accepts and is silent
    greets_only,      ///< Hello, then silence
    drips,            ///< a byte each fiftieth of a second, of a Hello that does not end
    floods,           ///< parts of an answer without end
    closes_at_once,
    closes_half_way,    ///< after the first part of the answer
    dies_half_way,      ///< the process ends there
    sends_rubbish,      ///< bytes that are no message
    sends_huge_length,  ///< a message of 2 GiB, it says
    answers_without_hello,
    refuses_protocol,  ///< Error NEWER_PROTOCOL to every request
    hangs_up_soon,     ///< on who asks for nothing for four seconds; an agent does for ten
  };

  struct script {
    manner how = manner::answers;
    /// The root's words; `listening` with a socket path, unless said otherwise.
    layout::agent_status status = layout::agent_status::listening;
    int agent_errno = 0;
    std::uint32_t layout = layout::version;  ///< of the registry, as the root says
    bool listens = true;                     ///< false: the path in the root leads nowhere
    bool root_of_parent = false;             ///< the root's pid is another's, as after a fork
    std::string directory;                   ///< for the socket; empty: a fresh one, named like an agent's
    std::optional<v1::Hello> hello;          ///< absent: the true one

    v1::Vitals vitals;
    std::vector<v1::Chunk> channel_groups;  ///< after the vitals, unless only counts are asked for
    std::vector<v1::Chunk> stacks;          ///< to every StacksRequest without `grouped`
    std::vector<v1::Chunk> groups;          ///< to every one with it
    v1::Trailer trailer;
    /// Instead of `stacks`: so many tasks of three frames that wait on a channel, made while they are sent.
    std::uint64_t generated_tasks = 0;
    bool echoes_request =
        false;  ///< the request's text comes back as the first task's name, who passes what it asks for
  };

  /// Throws std::runtime_error when the process or the socket cannot be made.
  explicit fake_agent(const script& what);
  /// Kills it and removes its socket.
  ~fake_agent();
  fake_agent(const fake_agent&) = delete;
  fake_agent& operator=(const fake_agent&) = delete;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] std::string pid_text() const { return std::to_string(pid_); }
  [[nodiscard]] const std::string& socket_path() const noexcept { return path_; }
  /// From now on counts what this process asks, and its children.
  void count_looks_of(pid_t reader) noexcept;
  /// Connections through which these have asked something, since then.
  [[nodiscard]] std::uint64_t looks() const noexcept;
  /// Ends the process and leaves its socket behind.
  void kill() noexcept;

 private:
  pid_t pid_ = -1;
  std::string directory_;  ///< to be removed; empty: not ours
  std::string path_;
  struct counted_looks;
  counted_looks* counted_ = nullptr;  ///< shared with the process
};

}  // namespace tasks::testing
