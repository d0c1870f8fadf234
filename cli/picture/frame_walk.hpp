#pragma once

/// A thread's frames, from its registers outwards, by what the call frame information of its code says (DWARF 5, 6.4).
///
///   stack pointer ──> frame of libc's | frame of libc's | frame of a caller … ──> the thread's first function
///                     └───────── one call ────────────┘
///
/// Nothing is guessed. A frame whose rules are not understood, a frame that a signal interrupted, a frame that does not
/// lie above the one it called, or code whose file is another by now, ends the walk.

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "linux/memory.hpp"
#include "linux/registers.hpp"
#include "picture/memory_image.hpp"
#include "symbols/modules.hpp"
#include "symbols/stack_variables.hpp"

namespace tasks::cli {

/// A thread inside a function of the C library's, which may have called others of its own.
struct libc_call {
  std::string function;   ///< as people call it: "epoll_wait"; empty: its name is not known
  std::string caller;     ///< the symbol of who called it; empty: not known
  std::uint64_t end = 0;  ///< the library's frames lie below
  /// Registers as the caller will find them, and what else the library's frames have saved.
  std::vector<std::uint64_t> saved;
};

struct frame_walk {
  /// The walk came to the function that the thread began with: all that its stack is used for lies above its pointer.
  bool whole = false;
  std::vector<code_frame> frames;  ///< innermost first
  std::optional<libc_call> call;
  /// It ended where a register is needed of which nothing is known, as the thread was left asleep.
  bool lacks_registers = false;
  /// Of the agent's own thread: its frames lie below, from which nothing of the program's can be reached by anybody
  /// but a reader of it. 0: another's, or not known.
  std::uint64_t agent_end = 0;
};

/// Of what was copied.
[[nodiscard]] stack_variables::word_reader reader_of(const memory_image& image);

class frame_walker {
 public:
  /// Code is read from `code`'s files, and from `bytes` where only memory tells.
  frame_walker(const memory_image& image, const memory& bytes, modules& code)
      : image_(image), bytes_(bytes), code_(code) {}

  [[nodiscard]] frame_walk walk(const thread_registers& thread);
  [[nodiscard]] const memory& bytes() const noexcept { return bytes_; }

 private:
  /// By DWARF number, the program counter in the column after those of the machine.
  struct registers {
    std::vector<std::uint64_t> values;
    std::vector<bool> known;
    [[nodiscard]] std::uint64_t& operator[](std::size_t i) { return values[i]; }
    [[nodiscard]] std::uint64_t operator[](std::size_t i) const { return values[i]; }
    [[nodiscard]] std::size_t size() const noexcept { return values.size(); }
    void set(std::size_t i, std::uint64_t value) { values[i] = value, known[i] = true; }
  };
  struct object {
    Dwarf_CFI* rules = nullptr;  ///< null: its frames are not known
    Dwarf_Addr bias = 0;
    bool is_libc = false;
  };
  enum class step { caller, first, lost };
  /// Where a walk came to; and with which frame pointer it began, where the thread does not tell.
  struct last_place {
    std::uint64_t address = 0, stack_pointer = 0;
  };
  [[nodiscard]] frame_walk walk(const thread_registers& thread, std::optional<std::uint64_t> frame_pointer,
                                last_place& last);
  [[nodiscard]] std::uint64_t end_of_agent(const frame_walk& walked);

  [[nodiscard]] const object& object_of(Dwfl_Module* module);
  [[nodiscard]] bool is_what_was_mapped(Dwfl_Module* module) const;
  [[nodiscard]] step step_out(registers& of, const object& in, bool innermost, std::vector<std::uint64_t>& saved,
                              std::vector<std::optional<frame_register>>& places);
  [[nodiscard]] std::optional<std::uint64_t> value_of(const Dwarf_Op* ops, std::size_t count, const registers& of,
                                                      std::uint64_t frame_end, bool& in_memory);

  const memory_image& image_;
  const memory& bytes_;
  modules& code_;
  bool lacks_ = false;  ///< a register was needed that is not known
  std::unordered_map<Dwfl_Module*, object> objects_;
  std::unordered_map<std::uint64_t, bool> is_agents_;  ///< by address: does it lie in the agent's outermost function?
};

}  // namespace tasks::cli
