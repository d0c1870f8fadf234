#pragma once

/// A conservative mark over a picture of memory, as a garbage collector's.
///
///   roots ──words──> objects ──words──> objects …
///
/// A word that could be an address inside an object marks it, at every fourth byte: struct epoll_event is packed.
/// Breadth first: an object is marked by the way of fewest objects from what was added before the run, and the equally
/// short ones are counted. Some objects are watched: whoever wants to know is told when one is marked, and can then add
/// more roots. Some are set apart: what they lead to is another's affair, and is not followed from others than their
/// owner.

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
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
  std::uint32_t tid = 0;  ///< whose variable it is
  bool operator==(const origin&) const = default;
};

class marker {
 public:
  marker(const memory_image& image, const heap_map& heap);

  using watcher = std::uint32_t;
  using listener = std::function<void(watcher, heap_map::object)>;
  /// Tells `on_mark` once each time that an object which `who` watches is marked.
  void watch(heap_map::object o, watcher who);

  /// Whatever marks this object, its words are not followed before add_apart() or follow_all().
  void set_apart(heap_map::object o) { marks_[o].apart = true; }
  /// Follows the words of an object that was set apart, marked or not, as those of a root.
  void add_apart(heap_map::object o, const origin& from);
  /// Follows all that was set apart and marked meanwhile, and sets nothing apart from now on.
  void follow_all();

  /// Follows a word.
  void add(std::uint64_t word, const origin& from);
  /// Follows every word of what was copied, but for what lies in `without` (sorted, disjoint).
  void add_memory(const std::vector<range>& without);
  /// Follows every word that lies in a variable.
  void add_variable(range words, const origin& from);
  /// Until nothing new is marked.
  void run(const listener& on_mark);

  [[nodiscard]] bool is_marked(heap_map::object o) const noexcept { return marks_[o].marked; }
  /// Of a marked object.
  [[nodiscard]] origin marked_by(heap_map::object o) const noexcept;
  /// Where the way begins by which it was marked.
  [[nodiscard]] origin root_of(heap_map::object o) const noexcept { return roots_[marks_[o].root].is; }
  /// How many ways lead to a marked object that are as short as the one by which it was marked, that one too. A way is
  /// a chain of objects from a root. At most many_ways, which stands for more as well.
  [[nodiscard]] std::uint32_t ways_to(heap_map::object o) const noexcept { return marks_[o].ways; }
  /// Do they begin at several tasks, threads, files or other places?
  [[nodiscard]] bool has_several_roots(heap_map::object o) const noexcept { return marks_[o].several_roots; }
  static constexpr std::uint32_t many_ways = 0xffff;

 private:
  /// What is known of an object. Together, because the mark comes to objects in no order.
  struct object_mark {
    std::uint32_t from = 0;    ///< of a marked one: the object that it was found in, or is_root and an index
    std::uint32_t root = 0;    ///< of a marked one: an index
    std::uint32_t source = 0;  ///< whose word led to it last, when it was marked or a way was counted
    std::uint16_t ways = 0;    ///< see ways_to()
    bool marked : 1 = false;
    bool watched : 1 = false;
    bool apart : 1 = false;          ///< and not followed yet, unless follow_all() was called
    bool pending : 1 = false;        ///< is in pending_
    bool several_roots : 1 = false;  ///< see has_several_roots()
  };
  struct root {
    origin is;
    std::uint64_t identity;  ///< of its kind: words with the same one are of one root
    bool operator==(const root& other) const noexcept { return is.is == other.is.is && identity == other.identity; }
  };

  /// Reads words of another root than before. Several words of one are one way.
  void begin_root(const origin& root);
  void add_words(range words, std::uint32_t from_object);
  void mark(heap_map::object o, std::uint32_t from);
  void mark_by_root(heap_map::object o, const origin& from);
  /// Another word leads to a marked object.
  void count_way(heap_map::object o, std::uint32_t from);
  void read(heap_map::object o);
  void tell(const listener& on_mark);
  [[nodiscard]] bool is_apart(const object_mark& of) const noexcept { return of.apart && !nothing_is_apart_; }
  /// Is it as far from the roots as what is being marked?
  [[nodiscard]] bool is_fresh(const object_mark& of) const noexcept { return of.source >= first_of_level_; }
  /// Words of one file's data, of one other mapping, or of one thread's variables are of one root.
  [[nodiscard]] std::uint64_t identity_of(const origin& from) const;

  static constexpr std::uint32_t is_root = 0x8000'0000;

  const memory_image& image_;
  const heap_map& heap_;
  std::uint64_t low_ = 0, high_ = 0;  ///< all objects lie between
  std::vector<object_mark> marks_;
  std::vector<root> roots_;
  std::optional<root> reading_;       ///< whose words are read; nothing: an object's
  std::uint32_t source_ = 0;          ///< what is read, a root or an object: counted from 1
  std::uint32_t first_of_level_ = 1;  ///< the first source of those from which what is being marked is found
  bool nothing_is_apart_ = false;
  std::vector<heap_map::object> pending_;    ///< marked, and not followed
  std::vector<heap_map::object> held_back_;  ///< were set apart and marked
  std::vector<heap_map::object> seen_;       ///< watched ones that were marked and not told
  std::vector<std::pair<heap_map::object, watcher>> watchers_;
  bool watchers_are_sorted_ = true;
};

}  // namespace tasks::cli
