#pragma once

/// Text and JSON of `tasks diff`.

#include <fmt/format.h>

#include <cstddef>
#include <string>

#include "surveys/difference.hpp"
#include "tasks/v1/view.pb.h"
#include "views/text.hpp"

namespace tasks::cli {

struct difference_style {
  std::string earlier, later;  ///< what was compared: "lab 4131, 2026-01-31 12:30:05"
  std::size_t limit = 20;      ///< groups
};

void render_difference(fmt::memory_buffer& out, const difference& found, const difference_style& style,
                       const render_context& context);
void fill_view(const difference& found, const difference_style& style, v1::DiffView& view);

}  // namespace tasks::cli
