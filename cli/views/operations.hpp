#pragma once

/// Text and message of `tasks operations`.

#include <fmt/format.h>

#include <string>

#include "surveys/operations.hpp"
#include "surveys/selection.hpp"
#include "tasks/v1/view.pb.h"
#include "views/text.hpp"

namespace tasks::cli {

struct operations_style {
  bool group = false;     ///< alike ones in one row, most first
  bool all = false;       ///< those of tasks, too
  selection chosen;       ///< by their kinds, handlers' functions and descriptors
  std::size_t limit = 0;  ///< rows; 0: all
};

void render_operations(fmt::memory_buffer& out, const operation_survey& survey, const operations_style& style,
                       const render_context& context);
void fill_view(const operation_survey& survey, const operations_style& style, v1::OperationsView& view);

/// "2 timer, 1 socket read": those without a coroutine by kind; empty: there are none.
[[nodiscard]] std::string callbacks_by_kind(const operation_survey& survey);

}  // namespace tasks::cli
