#pragma once

/// Frames and states of this process's tasks, in words.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "task_copy.hpp"

namespace tasks::detail {

/// "channel send", "running", …
[[nodiscard]] std::string_view state_name(task_state state, layout::wait_kind kind) noexcept;

/// A frame ready to be printed.
struct shown_frame {
  std::string function;   ///< "?" where it is not known
  std::string compilers;  ///< likewise, as the compiler spells it
  std::string place;      ///< file:line, or the code address
  std::uint64_t address;  ///< of code, for a frame that has not awaited yet; else 0
  bool plumbing;          ///< Asio's own
  std::string operation;  ///< of a plumbing one: what it stands for, see operation_names.hpp
};

/// Remembers what it has read.
class frame_names {
 public:
  /// `where`: entry::where. The reference stays valid. Throws std::bad_alloc.
  const shown_frame& find(std::uint64_t where);
  /// What a task does that has no function of a user's: "timer.async_wait()"; empty where it has one, or that is not
  /// known. `where`: of its frames, outermost first. Throws std::bad_alloc.
  std::string operation_of(std::span<const std::uint64_t> where);

 private:
  std::unordered_map<std::uint64_t, shown_frame> names_;
};

}  // namespace tasks::detail
