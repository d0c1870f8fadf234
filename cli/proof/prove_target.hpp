#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/error.hpp"
#include "proof/proof.hpp"
#include "sources/snapshot_source.hpp"

namespace tasks::cli::leaks {

/// Proves what it can of a target's tasks. A live process is stopped for as long as it takes to copy its memory, and
/// only if a task waits for what could be proven. Fails where memory may not be read or threads not be stopped.
[[nodiscard]] result<proof> prove_target(snapshot_source& source);

/// Bytes of memory that the frames of each of these tasks hold. Without those of which it cannot be told. `ids`:
/// sorted.
[[nodiscard]] std::map<std::uint64_t, std::uint64_t> frame_bytes(snapshot_source& source,
                                                                 const std::vector<std::uint64_t>& ids);

}  // namespace tasks::cli::leaks
