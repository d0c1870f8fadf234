#pragma once

/// Who keeps a task alive, from what the mark has left.

#include <cstdint>
#include <string>
#include <unordered_map>
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
  evidence_finder(scene& in, const marker& marks);

  /// `o`: the first of the task's objects that was marked.
  void fill(finding& found, heap_map::object o) const;

 private:
  [[nodiscard]] holder of(const origin& from) const;
  [[nodiscard]] std::string variable_at(std::uint64_t address) const;

  scene& scene_;
  const memory_image& image_;
  const heap_map& heap_;
  const marker& marks_;
  const std::vector<thread_registers>& threads_;
  mutable std::unordered_map<std::uint64_t, std::string> variables_;  ///< by address; empty: none
  std::vector<std::pair<heap_map::object, std::uint64_t>> frames_;    ///< sorted: whose frame an object is
};

}  // namespace tasks::cli
