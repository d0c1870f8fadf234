#pragma once

/// One moment of a target, for whoever shows several views of it: they agree, and it is stopped once, if at all.
///
///   hold ──> picture ──> let go     picture ──> proof
///                                           └─> source

#include <sys/types.h>
#include <memory>

#include "proof/proof.hpp"
#include "sources/snapshot_source.hpp"

namespace tasks::cli {

struct moment {
  std::unique_ptr<snapshot_source> source;
  result<proof_result> proof;
  double stopped_ms = 0;
};

/// Fails where a process may not be stopped, its memory not be read, and where there is no room for a copy of it.
[[nodiscard]] result<moment> take_moment(pid_t pid);

}  // namespace tasks::cli
