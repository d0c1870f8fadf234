#pragma once

/// Asio's channels as they lie in memory, and the list that Asio's channel service keeps of them.
///
///   service {…, head} ──> channel {state, capacity, waiters, next, previous} <──> channel <──> …
///                            └──> operation ──> operation …      each holds the task that waits
///
/// Asio walks the list only to destroy what waits when its io_context ends: no task is woken by it. So its links keep
/// nothing alive, and they alone: they are erased from the picture, each after it was found twice, from both sides.

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "picture/heap_map.hpp"
#include "picture/memory_image.hpp"
#include "target/roots.hpp"

namespace tasks::cli {

/// Where a channel has its links, in bytes from its beginning.
struct channel_offsets {
  std::uint32_t next = 32, previous = 40;  ///< as in every Asio so far
  bool operator==(const channel_offsets&) const = default;
};

/// What a target's hooks say of its Asio's.
[[nodiscard]] std::vector<channel_offsets> offsets_of(const std::vector<root_copy>& roots);

/// Objects that a list of operations points to, each of which begins with a pointer to the next. Sorted.
[[nodiscard]] std::vector<heap_map::object> objects_of(const memory_image& image, const heap_map& heap,
                                                       std::uint64_t first_operation);

class channel_list {
 public:
  channel_list(const memory_image& image, const heap_map& heap, const channel_offsets& offsets)
      : image_(image), heap_(heap), offsets_(offsets) {}

  /// Is this a channel whose place in its service's list is beyond doubt? Then all links of that list are known.
  [[nodiscard]] bool verify(std::uint64_t channel);
  /// close() was called on a verified channel: whoever sends gets an error, but for those that waited already.
  [[nodiscard]] bool is_closed(std::uint64_t channel) const;
  /// Objects that the operations waiting on a verified channel point to: the frames of its tasks are among them.
  /// Sorted.
  [[nodiscard]] const std::vector<heap_map::object>& waiters(std::uint64_t channel);
  /// Addresses of the words that link the channels of every verified list.
  [[nodiscard]] const std::vector<std::uint64_t>& links() const noexcept { return links_; }

 private:
  [[nodiscard]] bool looks_like_channel(std::uint64_t channel) const;
  [[nodiscard]] bool walk(std::vector<std::uint64_t>& channels, std::vector<std::uint64_t>& links) const;

  const memory_image& image_;
  const heap_map& heap_;
  channel_offsets offsets_;
  std::unordered_map<std::uint64_t, bool> verified_;
  std::unordered_map<std::uint64_t, std::vector<heap_map::object>> waiters_;
  std::vector<std::uint64_t> links_;
};

}  // namespace tasks::cli
