#pragma once

/// Who keeps a task alive, from what the mark has left.

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "linux/registers.hpp"
#include "picture/heap_map.hpp"
#include "picture/memory_image.hpp"
#include "proof/mark.hpp"
#include "proof/proof.hpp"
#include "proof/scene.hpp"

namespace tasks::cli {

/// Whose memory an address outside of all heaps is.
[[nodiscard]] holder holder_at(const memory_image& image, const std::vector<thread_registers>& threads,
                               std::uint64_t address);

class evidence_finder {
 public:
  /// `frames`: the allocations of the scene's frames. `variables`: those that the marks speak of, when it is asked.
  evidence_finder(const scene& in, const marker& marks, std::span<const heap_map::object> frames,
                  const std::span<const held_variable>& variables);

  /// `o`: the first of the task's objects that was marked. Before it is marked anew as its own task's.
  void fill(finding& found, heap_map::object o) const;

 private:
  [[nodiscard]] holder of(const origin& from) const;
  const memory_image& image_;
  const heap_map& heap_;
  const marker& marks_;
  const std::vector<thread_registers>& threads_;
  const std::span<const held_variable>& variables_;
  std::vector<std::pair<heap_map::object, std::uint64_t>> frames_;  ///< sorted: whose frame an object is
};

}  // namespace tasks::cli
