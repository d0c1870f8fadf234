#pragma once

/// Operations that pend in a target, those without a coroutine above all: handlers of sockets, timers, signals, lookups
/// and channels, what was posted, and why no run() returns.
///
///   picture ──> queues of Asio's services ──> operations ──function──> kind, handler's type ──> its place
///           └─> tasks ──> operations of theirs

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "linux/descriptors.hpp"
#include "proof/asio_queues.hpp"
#include "symbols/debug_units.hpp"
#include "target/target.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

struct surveyed_operation {
  queued_operation is;
  v1::Wait::Kind kind = v1::Wait::OTHER;
  std::string handler;               ///< readable, and fit for a terminal; empty: not known
  std::optional<source_line> place;  ///< of the handler; nothing: not known
  bool of_task = false;              ///< a coroutine waits for it
  bool stackful = false;             ///< of asio::spawn
  bool is_strand = false;            ///< none: a strand's turn on its context
  endpoint fd;                       ///< what its descriptor is; unknown in a core

  /// It is over, or was posted, and its handler waits for a thread or a strand.
  [[nodiscard]] bool is_queued() const noexcept {
    return is.in == queued_operation::queue::scheduler || is.in == queued_operation::queue::strand;
  }
};

struct surveyed_context {
  asio_context is;
  std::string type;              ///< "io_context", "thread_pool"; empty: not known
  std::uint64_t operations = 0;  ///< that count as its work
  bool has_tasks = false;        ///< of tasks are some of its operations
};

struct operation_survey {
  std::vector<surveyed_operation> operations;  ///< by kind, handler and address
  std::vector<surveyed_context> contexts;
  std::uint64_t callbacks = 0, of_tasks = 0;
  bool has_coroutines = false;
  /// When it was, by the target's clocks, in nanoseconds; nothing: not known.
  std::optional<std::int64_t> monotonic_ns, wall_ns;
  std::vector<std::string> notes;
  double stopped_ms = 0;
};

/// Threads that run are stopped while its memory is copied, those that sleep are not. Whether it has a hook does not
/// matter. Fails where its memory may not be read or copied. `with_handlers`: their types and places are found, too.
[[nodiscard]] result<operation_survey> survey_operations(target& from, bool with_handlers = true);

/// The process as one to be looked at without its registries. Fails where it may not be looked at.
[[nodiscard]] result<std::shared_ptr<target>> open_process(pid_t pid);

}  // namespace tasks::cli
