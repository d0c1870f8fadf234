#pragma once

/// Call stacks of threads, innermost frame first, with inlined functions.
///
///   thread_copy ──attach()──> Dwfl ──> native_stacks ──> symbolizer ──> frames
///   core file ────────────────┘ (dwfl_core_file_attach)

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "linux/thread_copy.hpp"
#include "symbols/modules.hpp"
#include "symbols/symbolizer.hpp"

namespace tasks::cli {

/// One function of a call stack.
struct native_frame {
  std::uint64_t address = 0;  ///< of the instruction that runs, or of the call that has not returned
  std::string function;       ///< readable; empty: not known
  std::string file;           ///< whole path; empty: not known
  unsigned line = 0;
  std::string module;         ///< path of the executable or library; empty: none is mapped there
  bool plumbing = false;      ///< Asio's own, the standard library's, or what starts a thread
  bool system = false;        ///< of the C library and its like
  bool resumes_task = false;  ///< where Asio resumes a task: what is further out belongs to the thread
  bool is_coroutine = false;  ///< the body of a coroutine
};

/// Does g++ call the body of a coroutine so, or clang?
[[nodiscard]] bool is_coroutine_body(std::string_view symbol);

struct native_stack {
  std::vector<native_frame> frames;
  bool complete = false;  ///< it reaches the thread's first function
};

/// Of each function of a stack the address of the instruction that runs, or of the call that has not returned.
struct unwound_stack {
  std::vector<std::uint64_t> addresses;  ///< innermost first
  bool complete = false;                 ///< it reaches the thread's first function
};
/// A state of threads is attached to the Dwfl, of which `tid` is one.
[[nodiscard]] unwound_stack unwind(modules& code, pid_t tid);

class native_stacks {
 public:
  /// A state of threads is attached to the Dwfl: by attach(), or a core file's.
  /// Both must outlive it.
  native_stacks(modules& code, symbolizer& names);

  /// `tid` as the attached state has it.
  [[nodiscard]] native_stack of(pid_t tid);
  /// Of one that was unwound before, which takes no such state.
  [[nodiscard]] native_stack of(const unwound_stack& stack);

 private:
  const std::vector<native_frame>& at(std::uint64_t address);

  modules& code_;
  symbolizer& names_;
  std::unordered_map<std::uint64_t, std::vector<native_frame>> known_;
};

/// Makes the copies the state of the Dwfl's threads, once for each Dwfl. They must outlive it, and may change.
/// False: libdwfl does not know this machine.
bool attach(modules& code, const std::vector<thread_copy>& threads);

/// The innermost function that the user wrote; null: none is known.
[[nodiscard]] const native_frame* innermost_user_frame(const native_stack& stack);
/// The call of the C library's that looks up a name, the outermost; null: there is none.
[[nodiscard]] const native_frame* name_lookup(std::span<const native_frame> frames);
/// Without Asio's and the standard library's own, unless there are no others or `all` says so.
[[nodiscard]] std::vector<native_frame> shown_frames(std::span<const native_frame> frames, bool all);
/// The frames that a running task adds to its chain of awaits: those within it, innermost first.
[[nodiscard]] std::span<const native_frame> frames_of_task(const native_stack& stack);

}  // namespace tasks::cli
