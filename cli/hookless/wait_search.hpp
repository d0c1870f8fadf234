#pragma once

/// What tasks wait for, by who keeps them: the handlers in Asio's operations.
///
///   word = promise of a task's entry point ──> operation around it ──> queue that it is in ──> timer, channel,
///   descriptor
///                                         └──> entry point of another task ──> waits for that task
///                                         └──> allocation of another kind ──> who points to that? (five steps at most)
///
/// Operations that are in no queue are stale as long as there is another explanation: Asio keeps memory of those that
/// are over.

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <unordered_map>
#include <vector>

#include "hookless/asio_operation.hpp"
#include "tasks/detail/layout.hpp"

namespace tasks::cli {

struct found_wait {
  std::uint64_t object = 0;     ///< address of what it waits on, as layout::record::object; 0: none, or not known
  std::uint64_t operation = 0;  ///< address of Asio's operation; 0: none
  std::optional<std::uint64_t> capacity;  ///< of a channel, in messages
  std::optional<std::int64_t> expiry;     ///< of a timer: nanoseconds on its clock; INT64_MAX: never
  std::vector<found_wait> also{};         ///< what it waits for at the same time; what matters less comes later
  std::optional<std::uint32_t> fd;
  std::uint32_t awaited_by = std::numeric_limits<std::uint32_t>::max();  ///< index of the task that waits for this one
  tasks::layout::wait_kind kind = tasks::layout::wait_kind::none;        ///< none: it runs; other: not known
  bool is_system_clock = false;  ///< the timer's clock is CLOCK_REALTIME, else CLOCK_MONOTONIC
  bool is_ready = false;         ///< it has not begun, and waits for its first turn
  bool is_owned = true;          ///< some word leads to it: whoever is to resume it has one
};

class wait_search {
 public:
  /// What the descriptor of a socket's wait is: sockets and other descriptors wait by the same operation. Nothing: not
  /// known.
  using is_socket = std::function<std::optional<bool>(std::uint32_t)>;

  /// All must outlive it.
  wait_search(const memory_image& image, const heap_map& heap, const stack_memory& stacks, const program_code& code,
              const frame_scan& scan, const task_chains& chains, is_socket asks);

  /// One for each of the chains.
  [[nodiscard]] std::vector<found_wait> run();
  /// Those that keep tasks, as owner_search has them; none before run().
  [[nodiscard]] const std::vector<asio_operation>& operations() const noexcept { return operations_; }

 private:
  /// For each task the operation that explains best what it waits for, or asio_operation::nobody.
  [[nodiscard]] std::vector<std::uint32_t> choose(const std::vector<asio_operation>& operations) const;
  [[nodiscard]] bool is_ready(const task_chain& task);

  wait_scene scene_;
  is_socket asks_;
  std::vector<asio_operation> operations_;
  std::unordered_map<const coroutine_body*, bool> is_plumbing_;
};

}  // namespace tasks::cli
