#pragma once

/// How much memory each coroutine frame of a scene takes: the chunk of the heap that holds it.

#include <cstdint>
#include <optional>
#include <vector>

#include "proof/scene.hpp"

namespace tasks::cli {

class frame_chunks {
 public:
  /// `in` has looked closer, and must outlive it.
  explicit frame_chunks(const scene& in);

  /// Of the frame in that place of the scene's, with malloc's header. 0: it lies within another frame of its task,
  /// whose chunk it is. Nothing: it has no chunk of its own, or none that is known.
  [[nodiscard]] std::optional<std::uint64_t> bytes_of(std::size_t frame) const;
  /// So many bytes the coroutine has asked for, as the hook has written down. Nothing: it has not.
  [[nodiscard]] std::optional<std::uint64_t> requested_by(std::size_t frame) const;

 private:
  static constexpr std::uint64_t unknown = ~std::uint64_t{0};

  const scene& in_;
  std::vector<std::uint64_t> bytes_;  ///< of each frame
};

}  // namespace tasks::cli
