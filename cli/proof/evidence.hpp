#pragma once

/// Who keeps a task alive, from what the mark has left.

#include <cstdint>
#include <span>
#include <unordered_map>
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
  /// `told` gets the holders.
  evidence_finder(const scene& in, const marker& marks, std::span<const heap_map::object> frames,
                  const std::span<const held_variable>& variables, proof_result& told);

  /// `o`: the first of the task's objects that was marked. Before it is marked anew as its own task's.
  void fill(brief_finding& found, heap_map::object o);

 private:
  struct origin_hash {
    std::size_t operator()(const origin& of) const noexcept {
      return std::hash<std::uint64_t>()(of.value << 3 ^ of.value >> 61 ^ static_cast<std::uint64_t>(of.is));
    }
  };
  [[nodiscard]] std::uint32_t number_of(const origin& from);
  [[nodiscard]] holder of(const origin& from);
  void find_owners();

  const scene& in_;
  const memory_image& image_;
  const heap_map& heap_;
  const marker& marks_;
  const std::vector<thread_registers>& threads_;
  const std::span<const heap_map::object> frames_;
  const std::span<const held_variable>& variables_;
  proof_result& told_;
  std::unordered_map<origin, std::uint32_t, origin_hash> numbers_;  ///< of holders
  static constexpr std::uint32_t nobody = ~std::uint32_t{0};
  std::vector<std::uint32_t> owners_;  ///< of each object: the task whose frame it is, or nobody; empty: not looked for
};

}  // namespace tasks::cli
