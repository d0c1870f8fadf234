#pragma once

/// One moment of a target, for whoever shows several views of it: they agree, and it is stopped once, if at all.
///
///   hold ──> picture ──> let go     picture ──> proof
///                                           └─> source

#include <sys/types.h>
#include <memory>

#include "hookless/sightings.hpp"
#include "proof/proof.hpp"
#include "sources/snapshot_source.hpp"
#include "surveys/task_memory.hpp"

namespace tasks::cli {

struct moment {
  std::unique_ptr<snapshot_source> source;
  result<proof_result> proof;
  double stopped_ms = 0;
  std::unique_ptr<proven_memory> memory;  ///< of what `source` reads; null: nobody asked for it, or it is not known
};

/// Fails where a process may not be stopped, its memory not be read, and where there is no room for a copy of it. One
/// without a hook is looked at as such, and so is any if `hook` is false; `tell` gets what cannot be known then.
[[nodiscard]] result<moment> take_moment(pid_t pid, bool hook, const teller& tell, bool with_memory = false,
                                         std::shared_ptr<sightings> seen = nullptr);

}  // namespace tasks::cli
