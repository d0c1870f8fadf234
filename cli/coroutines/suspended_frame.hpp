#pragma once

/// A frame in memory, as its body left it when it suspended. A frame may be anything: nothing is believed.
///
///   {resume ──> body <── destroy, …, index} ──> layout, suspend point

#include <cstdint>
#include <optional>

#include "coroutines/program.hpp"
#include "linux/memory.hpp"

namespace tasks::cli {

/// Whose frame lies there: of the body that its first word points to, and its second one says so, too. Null: no known
/// one's.
[[nodiscard]] const coroutine_body* body_of_frame(const coroutine_program& program, const memory& from,
                                                  std::uint64_t frame);

struct suspended_frame {
  const frame_layout* layout = nullptr;
  std::uint64_t index = 0;  ///< of the suspend point
};
/// Of a frame of that body. Nothing: debug information does not say where its index is, or it is being destroyed.
[[nodiscard]] std::optional<suspended_frame> suspended_at(coroutine_program& program, const coroutine_body& body,
                                                          const memory& from, std::uint64_t frame);

}  // namespace tasks::cli
