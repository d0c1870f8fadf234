#pragma once

/// Text and message of `tasks check`.

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "surveys/check.hpp"
#include "tasks/v1/view.pb.h"

namespace tasks::cli {

struct checked_process {
  std::string subject;                     ///< "lab 10867"; as it was named where there is no such process
  std::uint32_t pid = 0;                   ///< 0: there is none
  std::optional<process_check> what = {};  ///< nothing: it could not be looked at, …
  std::string why_unknown = {};            ///< … because of this
};

[[nodiscard]] severity state_of(const checked_process& process);
/// Of the worst.
[[nodiscard]] severity state_of(const std::vector<checked_process>& all);

/// "CRITICAL: lab 10867: 21 tasks leaked: session() server.cpp:41 | tasks=7312;5000 blocked=7300"
void render_check(fmt::memory_buffer& out, const std::vector<checked_process>& all);
void fill_view(const std::vector<checked_process>& all, v1::CheckView& view);

}  // namespace tasks::cli
