#pragma once

/// What a process has in memory, by what it is for.
///
///   smaps ──> each mapping ──> heap | stacks | anonymous | a file's, each summed up

#include <cstdint>
#include <string>
#include <vector>

#include "linux/memory.hpp"
#include "linux/smaps.hpp"

namespace tasks::cli {

struct resident_sum {
  enum class kind { heap, stacks, anonymous, file, other };
  kind is = kind::anonymous;
  std::string path;  ///< of a file; of another "[vdso]"
  std::uint64_t mappings = 0, bytes = 0, resident_bytes = 0, swapped_bytes = 0;
};

/// The largest first. `heaps`: of malloc's, sorted. `stack_pointers`: of the threads.
[[nodiscard]] std::vector<resident_sum> sum_up_mappings(const std::vector<resident_region>& regions,
                                                        const std::vector<range>& heaps,
                                                        const std::vector<std::uint64_t>& stack_pointers);

}  // namespace tasks::cli
