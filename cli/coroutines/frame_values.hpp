#pragma once

/// Parameters and variables in the frames of coroutines, with their values:
///
///   frame ──> body ──> layout, suspend point ──> variables that are alive there ──> values
///
/// A frame may be anything: nothing is told of one that is no frame of a body, that is being destroyed, or that runs.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "coroutines/program.hpp"
#include "coroutines/variable_scopes.hpp"
#include "linux/memory.hpp"

namespace tasks::cli {

struct frame_value {
  std::string name;                  ///< of a parameter or a variable
  std::string type;                  ///< readable, at most some 120 bytes
  std::optional<std::string> value;  ///< readable, at most some 512 bytes; nothing: the type says all that is known
  std::uint64_t address = 0;         ///< where it lies
};

class frame_values {
 public:
  static constexpr std::size_t most_of_frame = 32;

  /// Both must outlive it. `from` stands still.
  frame_values(coroutine_program& program, const memory& from) : program_(program), from_(from), scopes_(program) {}

  /// Whether a frame is known to be suspended; a coroutine that is not Asio's may run, for all that anybody knows: of
  /// such a one only parameters are told.
  enum class state { suspended, unless_not_asio };
  /// `most_of_frame` at most, parameters first. What is not whole in memory or not of a complete type is left out.
  [[nodiscard]] std::vector<frame_value> of(std::uint64_t frame, state its = state::suspended);
  /// Its body is known, and debug information says where things lie in it.
  [[nodiscard]] bool knows(std::uint64_t frame);

 private:
  coroutine_program& program_;
  const memory& from_;
  variable_scopes scopes_;
};

}  // namespace tasks::cli
