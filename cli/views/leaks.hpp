#pragma once

/// Text of `tasks leaks`: pure functions, as in render.hpp.

#include <fmt/format.h>

#include "surveys/leak_groups.hpp"
#include "views/render.hpp"

namespace tasks::cli {

/// One group; the `first` one has no empty line before it.
void render_leak(fmt::memory_buffer& out, const leak& what_leaks, const resolved& what, bool first,
                 const render_context& context);

struct leak_summary {
  std::size_t wrong = 0;                ///< groups that are proven, growing or stalled
  std::size_t listed = 0;               ///< all groups that were listed
  std::size_t left_out = 0;             ///< beyond --top
  const proof_result* proof = nullptr;  ///< null: none was made
};
/// What was looked at, and what it cost.
void render_summary(fmt::memory_buffer& out, const leak_summary& summary);

}  // namespace tasks::cli
