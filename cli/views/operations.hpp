#pragma once

/// Text and message of `tasks operations`.

#include <fmt/format.h>

#include <string>
#include <vector>

#include "surveys/operations.hpp"
#include "tasks/v1/view.pb.h"
#include "views/text.hpp"

namespace tasks::cli {

struct operations_style {
  bool group = false;                 ///< alike ones in one row, most first
  bool all = false;                   ///< those of tasks, too
  std::vector<v1::Wait::Kind> kinds;  ///< no others; empty: all
  std::size_t limit = 0;              ///< rows; 0: all
};

void render_operations(fmt::memory_buffer& out, const operation_survey& survey, const operations_style& style,
                       const render_context& context);
void fill_view(const operation_survey& survey, const operations_style& style, v1::OperationsView& view);

/// "2 timer, 1 socket read": those without a coroutine by kind; empty: there are none.
[[nodiscard]] std::string callbacks_by_kind(const operation_survey& survey);

}  // namespace tasks::cli
