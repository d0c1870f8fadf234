#pragma once

/// Asio's timers as they lie in memory, and the queue that Asio keeps of those that are waited for.
///
///   service {…, first timer, heap {begin, end, …}} ──> timer {expiry, …, waiters, index, next, previous} <──> timer …
///                             └──> {expiry, timer} …
///
/// The list serves only to destroy what waits when its io_context ends, and an entry of the heap wakes a task when its
/// time has come: of a timer that never expires neither does. So the links of the list keep nothing alive, nor do the
/// heap's entries of such timers; those of all others do. Nor does what earlier timers left in the heap's array behind
/// its last entry, where each entry belongs to a timer of the list. They are erased from the picture, each after it was
/// found twice, from both sides. See asio/detail/timer_queue.hpp.

#include <cstdint>
#include <limits>
#include <unordered_map>
#include <vector>

#include "picture/heap_map.hpp"
#include "picture/memory_image.hpp"

namespace tasks::cli {

class timer_list {
 public:
  timer_list(const memory_image& image, const heap_map& heap) : image_(image), heap_(heap) {}

  /// Does this timer never expire?
  [[nodiscard]] static bool never_expires(const memory& from, std::uint64_t timer) {
    return from.get<std::int64_t>(timer) == std::numeric_limits<std::int64_t>::max();
  }

  /// Is its place in its service's queue beyond doubt? Then all links of that queue's list are known.
  [[nodiscard]] bool verify(std::uint64_t timer);
  /// The first of the operations that wait for it; each begins with a pointer to the next.
  [[nodiscard]] std::uint64_t first_waiter(std::uint64_t timer) const;
  /// Addresses of the words that lead to timers and keep nothing alive.
  [[nodiscard]] const std::vector<std::uint64_t>& links() const noexcept { return links_; }

 private:
  [[nodiscard]] bool looks_like_timer(std::uint64_t data) const;
  void add_room_behind(std::uint64_t begin, std::uint64_t end, std::uint64_t room_end,
                       std::vector<std::uint64_t>& links) const;
  [[nodiscard]] bool add_heap(std::uint64_t heap, const std::vector<std::uint64_t>& timers,
                              std::vector<std::uint64_t>& links) const;
  [[nodiscard]] bool walk(std::vector<std::uint64_t>& timers, std::vector<std::uint64_t>& links) const;

  const memory_image& image_;
  const heap_map& heap_;
  std::unordered_map<std::uint64_t, bool> verified_;  ///< by the address of per_timer_data
  std::vector<std::uint64_t> links_;
};

}  // namespace tasks::cli
