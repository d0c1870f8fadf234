#pragma once

/// What a task can say of itself, for whoever looks at it from outside, and what it can ask.
///
///   task 1 {request=7c1f} ──spawns──> task 2 {request=7c1f} ──spawns──> task 3 {request=7c1f}
///
/// A task that is spawned by a labelled one begins with a copy of its labels, as a goroutine does (pprof.Do of Go's
/// runtime): `tasks requests` and `--label request=7c1f` then find all that is done for one request. The spawner is the
/// task in which co_spawn is called; what a handler or a plain thread spawns has none.

#include <cstddef>
#include <cstdint>
#include <source_location>
#include <string_view>

#include "tasks/async_stacktrace.hpp"

namespace tasks::this_task {

/// Bytes of a name, a label's key or a label's value that are kept; the rest is cut at a UTF-8 character.
inline constexpr std::size_t max_text = 63;
/// Labels a task can have.
inline constexpr int max_labels = 16;

/// Names the task that runs on this thread: set_name("conn 42"). Copied, into memory that is never unmapped; a task
/// without a name costs nothing. Naming it again replaces the name. Names are not inherited.
/// False: no task runs here (that a hook knows of), or there is no memory.
bool set_name(std::string_view name) noexcept;

/// Do the tasks that this one spawns from then on have the label too, and those that they spawn?
enum class inherit : bool { no, yes };

/// Adds or replaces a label of the task that runs on this thread: set_label("user", "ann"). Takes 256 bytes of memory
/// that is never unmapped, and each task that inherits it 256 of its own: it goes on with them when this one has ended,
/// and what is changed later in one of both is not in the other. Where there is no memory for it a task goes without.
/// False: as above, the key is empty, or the task has max_labels others.
bool set_label(std::string_view key, std::string_view value, inherit spawned = inherit::yes) noexcept;

/// A label for as long as a block lasts:
///
///   tasks::this_task::label_scope label("request", id);
///   co_await serve(request);
///
/// Its end gives the label the value that it had before, or takes it away where there was none. It is the task's in
/// which the scope was made, across awaits, on whichever thread it goes on; what that task has spawned meanwhile keeps
/// it. Scopes of one key end in the reverse order of their beginning, as blocks do. Takes 144 bytes of the coroutine's
/// frame. Made where no task runs it is of no effect, and so is its end where its task does not run: where a coroutine
/// is destroyed while it is suspended, as its task ends then.
class [[nodiscard]] label_scope {
 public:
  label_scope(std::string_view key, std::string_view value, inherit spawned = inherit::yes) noexcept;
  ~label_scope();
  label_scope(const label_scope&) = delete;
  label_scope& operator=(const label_scope&) = delete;

  /// False: set_label() would have been.
  [[nodiscard]] explicit operator bool() const noexcept { return task_ != 0; }

 private:
  std::uint64_t task_ = 0;                    ///< its id; 0: it has no label from here
  std::uint64_t key_[(max_text + 1) / 8];     ///< as records have it
  std::uint64_t former_[(max_text + 1) / 8];  ///< if there was one
  bool had_ = false;                          ///< there was one
  inherit former_spawned_ = inherit::no;      ///< likewise
};

/// The await chain of the task that runs on this thread, innermost frame first: each at the line where it awaits, the
/// first at `here`. Goes on with the frames of the task that awaits it, or with where it was spawned, up to the first
/// task that has ended. Empty outside of any task, in a callback for instance.
/// Neither allocates nor locks nor calls the system: 250 instructions, 60 ns, for a chain of five.
///
///   LOG(error) << "cannot parse " << text << '\n' << tasks::this_task::stack();
[[nodiscard]] async_stacktrace stack(std::source_location here = std::source_location::current()) noexcept;

}  // namespace tasks::this_task
