#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "target/target.hpp"

namespace tasks::cli {

/// Bytes of memory that the frames of each of these tasks hold. Without those of which it cannot be told. `ids`:
/// sorted.
[[nodiscard]] std::map<std::uint64_t, std::uint64_t> frame_bytes(const target& from,
                                                                 const std::vector<std::uint64_t>& ids);

}  // namespace tasks::cli
