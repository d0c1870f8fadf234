#pragma once

/// The allocations of a heap: which object an address lies in.
///
///   segment:  chunk | chunk | chunk | …     each {previous size, size and flags} and what its owner has
///
/// A segment is walked as a whole or not entered at all; see glibc_heap.hpp for who does that. An object is everything
/// between two headers, and one word beyond it: a pointer to an array's end belongs to the array.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "picture/memory_image.hpp"

namespace tasks::cli {

class heap_map {
 public:
  using object = std::uint32_t;
  static constexpr object none = std::numeric_limits<object>::max();
  static constexpr std::uint64_t header = 16;

  /// Chunks that follow each other without a gap. `starts`: of their headers, in units of 16 bytes from `begin`, where
  /// the first one lies; the last one ends at `end`. `free`: one for each.
  void add_segment(range chunks, std::vector<std::uint32_t> starts, const std::vector<bool>& free);
  /// After the last add_segment(), before anything below. False: there are more objects than can be numbered.
  [[nodiscard]] bool seal();

  /// The object that an address belongs to, be it free or not; none: it is in no segment.
  [[nodiscard]] object find(std::uint64_t address) const noexcept;
  /// What the owner of an object may use.
  [[nodiscard]] range extent(object o) const noexcept;
  /// All that malloc spends on an object, its header included.
  [[nodiscard]] range chunk(object o) const noexcept;
  /// Every object with its chunk, each segment's in the order of their addresses.
  void each(const std::function<void(object, range)>& visit) const;
  /// The object whose header lies exactly there, or none.
  [[nodiscard]] object at_header(std::uint64_t address) const noexcept;
  [[nodiscard]] bool is_free(object o) const noexcept { return free_[o]; }
  void set_free(object o) noexcept { free_[o] = true; }
  [[nodiscard]] std::size_t size() const noexcept { return free_.size(); }
  /// By address.
  [[nodiscard]] std::vector<range> segments() const;

 private:
  /// 64 units of 16 bytes.
  struct block {
    std::uint64_t starts = 0;  ///< a bit for each: does a chunk begin there?
    std::uint32_t before = 0;  ///< how many chunks begin before it
  };
  struct segment {
    range chunks;
    object first;
    std::vector<std::uint32_t> starts;
    std::vector<block> blocks;
  };

  [[nodiscard]] const segment* segment_of(std::uint64_t address) const noexcept;
  [[nodiscard]] const segment& segment_with(object o) const noexcept;
  [[nodiscard]] static range chunk_in(const segment& s, std::size_t index) noexcept;

  std::vector<segment> segments_;
  std::vector<std::uint32_t> by_object_;  ///< segments in the order of their objects
  std::uint64_t first_granule_ = 0;
  std::vector<std::uint32_t>
      granules_;  ///< for each 64 MiB from there to the last segment, the first segment that may be in it
  std::vector<bool> free_;
};

}  // namespace tasks::cli
