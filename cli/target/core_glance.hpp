#pragma once

/// Whether a stored core holds tasks, at a glance: from its first MiB, where its notes and the executable's first page
/// stand, and from the files that it names. No more is unpacked.

#include <chrono>
#include <cstdint>
#include <string>

#include "target/core_store.hpp"

namespace tasks::cli {

struct core_glance {
  enum class told { not_known, hooked, unhooked, none };
  told tasks = told::not_known;
  std::string reason;  ///< why it is not known, in words
};

/// Fills in what `of` does not say of process, signal and program. Of a core that is no file nothing is known.
[[nodiscard]] core_glance glance_at(stored_core& of, std::chrono::steady_clock::time_point deadline);

}  // namespace tasks::cli
