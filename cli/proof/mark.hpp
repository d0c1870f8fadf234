#pragma once

/// A conservative mark over a picture of memory, as a garbage collector's.
///
///   roots ──words──> objects ──words──> objects …
///
/// A word that could be an address inside an object marks it, at every fourth byte: struct epoll_event is packed. Some
/// objects are watched: whoever wants to know is told when one is marked, and can then add more roots.

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "picture/heap_map.hpp"
#include "picture/memory_image.hpp"

namespace tasks::cli {

/// Where the word was that marked an object.
struct origin {
  enum class kind : std::uint8_t {
    object,   ///< in this object
    memory,   ///< in memory that is no heap, at this address
    thread,   ///< in a register of this thread
    kernel,   ///< the kernel holds it for this file descriptor, or timer
    task,     ///< a frame of this task, which is alive
    variable  ///< in this one of the scene's variables
  };
  kind is = kind::memory;
  std::uint64_t value = 0;
};

class marker {
 public:
  marker(const memory_image& image, const heap_map& heap);

  using watcher = std::uint32_t;
  using listener = std::function<void(watcher, heap_map::object)>;
  /// Tells `on_mark` once each time that an object which `who` watches is marked.
  void watch(heap_map::object o, watcher who);

  /// Follows a word.
  void add(std::uint64_t word, const origin& from);
  /// Follows every word of what was copied, but for what lies in `without` (sorted, disjoint).
  void add_memory(const std::vector<range>& without);
  /// Follows every word that lies in a variable.
  void add_variable(range words, const origin& from);
  /// Until nothing new is marked.
  void run(const listener& on_mark);

  [[nodiscard]] bool is_marked(heap_map::object o) const noexcept { return marked_[o]; }
  /// Of a marked object.
  [[nodiscard]] origin marked_by(heap_map::object o) const noexcept;

 private:
  void add_words(range words, std::uint32_t from_object);
  void mark(heap_map::object o, std::uint32_t from);

  static constexpr std::uint32_t is_root = 0x8000'0000;

  const memory_image& image_;
  const heap_map& heap_;
  std::uint64_t low_ = 0, high_ = 0;  ///< all objects lie between
  std::vector<bool> marked_, watched_;
  std::vector<std::uint32_t> from_;  ///< of each marked object: the one it was found in, or is_root and an index
  std::vector<origin> roots_;
  std::vector<heap_map::object> pending_;
  std::vector<heap_map::object> seen_;  ///< watched ones that were marked and not told
  std::unordered_map<heap_map::object, std::vector<watcher>> watchers_;
};

}  // namespace tasks::cli
