#pragma once

/// The await chain of a task, as a value: what std::stacktrace is of a thread.
///
///   innermost frame ─ … ─ outermost frame ┬ awaited by ─ frames of that task ─ …
///                                         └ spawned at ─ where that task was spawned ─ …
///
/// Taken without allocation, and turned into text when somebody wants to read it. tasks::this_task::stack() takes it,
/// and tasks::stack_of() knows that of an exception.

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <iterator>
#include <source_location>
#include <string>
#include <string_view>

namespace tasks {

namespace detail {

/// What is kept of a chain. Arrays are filled as far as their counts say.
struct stack_words {
  static constexpr std::size_t most_frames = 64;
  static constexpr std::size_t most_tasks = 8;
  static constexpr std::size_t name_words = 8;

  struct task {
    std::uint64_t id;
    std::uint64_t parent;       ///< id, 0: none
    std::uint64_t spawn_path;   ///< as in layout::record
    std::uint64_t spawn_where;  ///< likewise
    std::uint64_t spawn_outer;  ///< likewise
    std::uint32_t frames;       ///< of it, that are kept
    std::uint32_t missing;      ///< and that are not
    bool awaited;               ///< by its parent
  };

  std::uint32_t frames = 0;
  std::uint32_t tasks = 0;
  bool called = false;             ///< the first frame is no coroutine's: a function that the innermost one has called
  bool is_late = false;            ///< the innermost coroutine has gone on since the await that is told of it
  bool was_taken = false;          ///< by somebody: empty, it was outside of any task
  std::uint64_t name[name_words];  ///< of the innermost task, zero-terminated; meaningful where there is a task
  std::uint64_t where[most_frames];  ///< entry::where, innermost first
  task of[most_tasks];               ///< that of the innermost frame first

  stack_words() noexcept {}  // NOLINT: whoever fills the arrays says how far
  stack_words(const stack_words& other) noexcept { *this = other; }
  stack_words& operator=(const stack_words& other) noexcept;
};

}  // namespace detail

class async_stacktrace;
namespace this_task {
async_stacktrace stack(std::source_location here) noexcept;
}

/// About 1 KiB, of which a copy copies what is used. Throws where it is made into text; never else.
class async_stacktrace {
 public:
  /// Frames that are kept: the innermost ones.
  static constexpr std::size_t max_frames = detail::stack_words::most_frames;
  /// Tasks whose frames or spawn sites are kept: the innermost one, who awaits or spawned it, and so on.
  static constexpr std::size_t max_tasks = detail::stack_words::most_tasks;

  /// Where a frame stands, as std::source_location has it. Texts are static data of the object (executable or shared
  /// library) that the function is in, and go with it.
  class frame {
   public:
    /// As the compiler spells it; empty where only an address is known.
    [[nodiscard]] const char* function_name() const noexcept;
    /// Likewise.
    [[nodiscard]] const char* file_name() const noexcept;
    /// From 1; 0 where only an address is known.
    [[nodiscard]] std::uint32_t line() const noexcept;
    [[nodiscard]] std::uint32_t column() const noexcept;
    /// Of code, where no line is known: of a throw, or of a coroutine that has not awaited yet. Else 0.
    [[nodiscard]] std::uint64_t address() const noexcept;
    /// The frame stands behind that line: it is the innermost coroutine's last await, after which it went on.
    [[nodiscard]] bool is_after() const noexcept { return is_after_; }
    /// Id of its task.
    [[nodiscard]] std::uint64_t task() const noexcept { return task_; }

   private:
    friend class async_stacktrace;
    std::uint64_t where_ = 0;
    std::uint64_t task_ = 0;
    bool is_after_ = false;
  };

  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = frame;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = frame;
    iterator() noexcept = default;
    frame operator*() const noexcept { return (*of_)[at_]; }
    iterator& operator++() noexcept { return ++at_, *this; }
    iterator operator++(int) noexcept {
      auto before = *this;
      ++at_;
      return before;
    }
    bool operator==(const iterator&) const noexcept = default;

   private:
    friend class async_stacktrace;
    const async_stacktrace* of_ = nullptr;
    std::size_t at_ = 0;
  };

  /// Empty.
  async_stacktrace() noexcept = default;
  explicit async_stacktrace(const detail::stack_words& words) noexcept : words_(words) {}

  /// No task: it was taken outside of any, or not taken at all.
  [[nodiscard]] bool empty() const noexcept { return words_.tasks == 0; }
  explicit operator bool() const noexcept { return !empty(); }
  /// Frames that are kept. May be 0 of a task that is about to end: then its spawn site is all there is.
  [[nodiscard]] std::size_t size() const noexcept { return words_.frames; }
  /// Frames beyond max_frames.
  [[nodiscard]] std::size_t missing() const noexcept;
  /// Innermost first, across tasks that await each other. Precondition: index < size().
  [[nodiscard]] frame operator[](std::size_t index) const noexcept;
  [[nodiscard]] iterator begin() const noexcept { return at(0); }
  [[nodiscard]] iterator end() const noexcept { return at(size()); }

  /// Id of the innermost task, as every view of `tasks` has it; 0: empty.
  [[nodiscard]] std::uint64_t task() const noexcept { return empty() ? 0 : words_.of[0].id; }
  /// What this_task::set_name() has called it; empty: nothing.
  [[nodiscard]] std::string_view task_name() const noexcept;

  /// Innermost frame first, without Asio's own. Reads symbols where a function has no line: some milliseconds, once a
  /// text. Of an empty one it says so in a line. Throws what the stream throws, and std::bad_alloc.
  ///
  ///   task 7 "conn 42":
  ///   read_line(tcp::socket&)
  ///   	/src/server.cpp:14
  ///   session(tcp::socket)
  ///   	/src/server.cpp:20
  ///   spawned by task 1 in listener(tcp::acceptor)
  ///   	after /src/server.cpp:31
  ///   spawned in main()
  void write(std::ostream& out) const;

  [[nodiscard]] const detail::stack_words& words() const noexcept { return words_; }

 private:
  friend async_stacktrace this_task::stack(std::source_location) noexcept;

  [[nodiscard]] iterator at(std::size_t index) const noexcept {
    iterator i;
    i.of_ = this;
    i.at_ = index;
    return i;
  }

  detail::stack_words words_;
};

/// As write(). Throws std::bad_alloc, and so does format_as(), which has fmt print it (tasks/format.hpp has
/// std::format).
[[nodiscard]] std::string to_string(const async_stacktrace& stack);
[[nodiscard]] inline std::string format_as(const async_stacktrace& stack) { return to_string(stack); }
std::ostream& operator<<(std::ostream& out, const async_stacktrace& stack);

}  // namespace tasks
