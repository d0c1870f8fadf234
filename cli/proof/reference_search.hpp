#pragma once

/// Who points to something: a mark backwards, over the same picture as the proof's, and with the same references left
/// out.
///
///   object <──word── allocation <──word── allocation <──word── frame of a task, stack, data of a module, …
///
/// Words are taken for addresses as the proof takes them, so what is found may be a stale word. It proves nothing.

#include <chrono>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "linux/kernel_words.hpp"
#include "linux/registers.hpp"
#include "picture/heap_map.hpp"
#include "picture/memory_image.hpp"
#include "picture/unused_stacks.hpp"
#include "proof/proof.hpp"
#include "proof/task_states.hpp"

namespace tasks::cli {

/// One end of a way to an object.
struct referrer {
  std::uint64_t object = 0;  ///< the address that was asked for
  /// Where the way begins; an allocation: it was not followed any further.
  holder from;
  unsigned allocations = 0;  ///< that lie between
};

/// Of a frame in which an object lies, the part that counts as the object's: nobody knows its size.
[[nodiscard]] constexpr range around_in_frame(std::uint64_t object) noexcept { return {object - 128, object + 64}; }

class reference_search {
 public:
  /// What must not be followed has been erased from the picture.
  reference_search(const memory_image& image, const heap_map& heap, const std::vector<thread_registers>& threads,
                   const thread_words& words, const kernel_words& kernel, const seen_tasks& seen);

  /// Each frame, stack and so on once for an object, with the shortest way; without the frames of those tasks that wait
  /// on it. Stops at `deadline`.
  [[nodiscard]] std::vector<referrer> find(std::span<const std::uint64_t> objects,
                                           std::chrono::steady_clock::time_point deadline);
  /// The last search was not finished.
  [[nodiscard]] bool was_cut() const noexcept { return cut_; }

 private:
  /// Whoever has a word into `at` points to `object`.
  struct wanted {
    range at;
    std::uint64_t object;
    unsigned allocations;
    bool operator<(const wanted& other) const noexcept { return at.begin < other.at.begin; }
  };

  /// An object, and what leads to it: referrers that differ in nothing here are one.
  using place = std::tuple<std::uint64_t, holder::kind, std::uint64_t, std::uint64_t, std::string>;

  void want(std::uint64_t object);
  void scan_memory();
  void scan_words(range words);
  /// `from` tells whose the word is; asked only where the word leads to anything.
  template <class From>
  void found(std::uint64_t word, From from);
  void add(const wanted& sought, holder from);
  void go_on(const wanted& sought, heap_map::object through);
  [[nodiscard]] bool is_late();
  [[nodiscard]] const seen_task* frame_owner(heap_map::object o) const noexcept;

  const memory_image& image_;
  const heap_map& heap_;
  const std::vector<thread_registers>& threads_;
  const thread_words& words_;
  const kernel_words& kernel_;
  std::unordered_map<heap_map::object, const seen_task*> frames_;  ///< whose frame an object is
  std::vector<range> unused_;                                      ///< memory that holds no references, sorted
  std::vector<wanted> frontier_, next_;                            ///< `frontier_`: sorted
  std::uint64_t longest_ = 0, low_ = 0, high_ = 0;                 ///< of the frontier
  std::set<std::pair<std::uint64_t, heap_map::object>> visited_;   ///< allocations on the way to an object
  std::vector<referrer> referrers_;
  std::set<place> known_;  ///< of referrers_
  std::chrono::steady_clock::time_point deadline_;
  bool cut_ = false;
};

}  // namespace tasks::cli
