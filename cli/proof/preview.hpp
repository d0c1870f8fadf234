#pragma once

#include <vector>

#include "linux/memory.hpp"
#include "proof/proof.hpp"
#include "target/roots.hpp"

namespace tasks::cli {

/// What there is to prove, from a target that moves on. `worth_a_stop`: some of it lies in memory whose allocator could
/// be known; else the findings are all that can be said.
struct preview {
  bool worth_a_stop = false;
  proof_result without;
};

/// Stops nobody, and reads no more than it takes to see that it is worth it.
[[nodiscard]] preview look_ahead(const memory& live, const std::vector<root_copy>& roots);

}  // namespace tasks::cli
