#pragma once

/// One picture, and what is found in it before anything can be proven or followed: its tasks, its allocations, and the
/// lists that Asio keeps of channels and timers. Made once; everybody who looks at the picture shares it.
///
///   picture ──> tasks ──> allocations ──> verified lists ──> links that keep nothing alive, to be erased

#include <optional>
#include <string>
#include <vector>

#include "picture/glibc_heap.hpp"
#include "picture/heap_map.hpp"
#include "picture/picture.hpp"
#include "proof/asio_channels.hpp"
#include "proof/asio_timers.hpp"
#include "proof/task_states.hpp"
#include "proof/unread_words.hpp"

namespace tasks::cli {

/// A variable of a function that has not returned, of a thread.
struct held_variable {
  std::uint32_t tid = 0;
  std::string name;         ///< "work of run"
  range at;                 ///< empty: in a register
  std::uint64_t value = 0;  ///< of that register
};

class scene {
 public:
  /// Reads the tasks; `taken` must outlive it.
  explicit scene(picture& taken);
  scene(const scene&) = delete;
  scene& operator=(const scene&) = delete;

  [[nodiscard]] const memory_image& image() const noexcept { return taken_.image; }
  [[nodiscard]] const std::vector<thread_registers>& threads() const noexcept { return taken_.threads; }
  [[nodiscard]] const thread_words& words() const noexcept { return taken_.words; }
  [[nodiscard]] modules& code() const noexcept { return *taken_.code; }
  [[nodiscard]] const kernel_words& kernel() const noexcept { return taken_.kernel; }
  [[nodiscard]] const seen_tasks& tasks() const noexcept { return tasks_; }
  /// The hook has put a layout::frame_header before each of their frames.
  [[nodiscard]] bool has_headers() const noexcept;

  /// On stacks and in registers, as far as debug information tells, without what nobody will read again and what may
  /// have been given back to Asio.
  [[nodiscard]] const std::vector<held_variable>& variables();
  /// Parts of stacks that are in use, as far as threads' pointers tell. Sorted, disjoint.
  [[nodiscard]] std::vector<range> stacks() const;

  /// Finds the allocations, and verifies the lists in which tasks wait. Once; before anything below.
  void look_closer();
  /// Erases from the picture what malloc and Asio find their own by, what is behind frames, and results that are not
  /// there yet. Once.
  void erase_links();

  /// Of frames, as of erase_unread_words(): once links are erased.
  [[nodiscard]] const unaligned_parts& unaligned() const noexcept { return unaligned_; }

  [[nodiscard]] const glibc_heaps& allocators() const noexcept { return allocators_; }
  [[nodiscard]] const heap_map& heap() const noexcept { return heap_; }
  /// Allocations that were given back to Asio, which keeps them for the next operations: free in heap().
  [[nodiscard]] const std::vector<heap_map::object>& recycled() const noexcept { return recycled_; }
  /// One for each Asio in the target.
  [[nodiscard]] std::vector<channel_list>& channels() noexcept { return channels_; }
  [[nodiscard]] timer_list& timers() noexcept { return timers_; }

 private:
  void erase_behind_frames();
  [[nodiscard]] std::optional<std::vector<std::string>> functions_that_run();

  picture& taken_;
  std::vector<root_copy> roots_;
  seen_tasks tasks_;
  heap_map heap_;
  glibc_heaps allocators_;
  std::vector<heap_map::object> recycled_;
  std::vector<channel_list> channels_;
  timer_list timers_;
  std::optional<std::vector<held_variable>> variables_;
  unaligned_parts unaligned_;
  bool has_looked_ = false, has_erased_ = false;
};

/// Roots as they are in a memory: a registry may have been made since they were found.
[[nodiscard]] std::vector<root_copy> read_again(const memory& from, const std::vector<root_copy>& roots);

}  // namespace tasks::cli
