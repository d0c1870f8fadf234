#pragma once

/// Where things lie in the frames of a coroutine, by debug information (the type of g++'s parameter frame_ptr, of
/// clang's variable __coro_frame); without it, what every Asio with awaitables has had:
///
///   {resume, destroy, promise {coro_, attached_thread_, caller_, …, top_of_stack_}, …, index, parameters, variables}

#include <elfutils/libdw.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "coroutines/bodies.hpp"
#include "symbols/debug_units.hpp"

namespace tasks::cli {

struct frame_variable {
  std::string name;  ///< as the compiler has it: of g++'s variables NAME_depth_number
  std::uint64_t offset = 0;
  Dwarf_Die type{};    ///< without qualifiers and other names for it
  Dwarf_Die member{};  ///< of the frame
};

/// Offsets are from the frame's begin.
struct frame_layout {
  bool is_known = false;   ///< by debug information
  std::uint64_t size = 0;  ///< of the frame; 0: not known
  std::uint64_t promise = 16, promise_size = 0;
  std::uint64_t index = 0;       ///< of the suspend point
  std::uint32_t index_size = 0;  ///< in bytes; 0: not known
  bool is_asio = false;          ///< its promise is an awaitable's
  bool is_entry = false;         ///< and an entry point's: the frame of a task
  bool is_asios_own = false;     ///< by debug information that was read now: it was compiled without the hook
  /// Of is_asio: members of the promise. Of is_entry alone: top_of_stack; 0: not known.
  std::uint64_t coro = 16, attached_thread = 24, caller = 32, top_of_stack = 0;
};

class frame_layouts {
 public:
  explicit frame_layouts(debug_units& debug) : debug_(debug) {}

  /// Looked up once. Holds for as long as this lives.
  [[nodiscard]] frame_layout& of(const coroutine_body& body);
  /// Its parameters and variables, in the order of its frame. Read from debug information when they are first asked
  /// for. Hold for as long as this lives.
  [[nodiscard]] const std::vector<frame_variable>& variables_of(const coroutine_body& body);
  /// Those and what the compiler has added: the promise, temporaries, awaiters. Read anew.
  [[nodiscard]] std::vector<frame_variable> members_of(const coroutine_body& body);

 private:
  [[nodiscard]] std::optional<Dwarf_Die> type_of(const coroutine_body& body);
  [[nodiscard]] frame_layout read(const coroutine_body& body);

  debug_units& debug_;
  std::unordered_map<const coroutine_body*, std::vector<frame_variable>> variables_;
  std::unordered_map<const coroutine_body*, frame_layout> known_;
};

}  // namespace tasks::cli
