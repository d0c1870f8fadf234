#pragma once

/// The queues that operations are in:
///
///   {first, last} ──> operation ──next──> operation ──next──> …
///
/// One that is in none is over, or on its way; Asio keeps memory of those that are over.

#include <cstdint>
#include <utility>
#include <vector>

#include "coroutines/address_map.hpp"
#include "hookless/asio_operation.hpp"
#include "hookless/wait_objects.hpp"

namespace tasks::cli {

class operation_queues {
 public:
  /// All must outlive it.
  operation_queues(const wait_scene& scene, const wait_objects& objects, std::vector<asio_operation>& operations);

  /// Sets asio_operation::is_queued and queued_at.
  void run();

 private:
  void find();
  void take_lead(std::uint64_t address, std::uint64_t next, asio_operation& to) const;
  void drop_what_is_none();
  void pass_on();

  const wait_scene& scene_;
  const wait_objects& objects_;
  std::vector<asio_operation>& operations_;
  address_map by_address_;                                         ///< the first of operations_ that lies there
  std::vector<std::uint32_t> previous_;                            ///< of each, the one before it in its queue
  std::vector<std::pair<std::uint32_t, std::uint64_t>> doubtful_;  ///< operations, and queues of which one may be first
};

}  // namespace tasks::cli
