#pragma once

/// What `tasks leaks` finds in each program that knows what it leaks.

#include <optional>
#include <string>
#include <vector>

#include "support/leak_case.hpp"
#include "tasks/v1/view.pb.h"

namespace tasks::testing {

/// One program in one form, and what was said of it.
struct leak_row {
  leak_case which;
  leak_claims said;
  int exit_code = 0;
  v1::LeaksView seen;
  int found = 0;    ///< leaked tasks whose function is named, with their exact count
  int flagged = 0;  ///< … and with a verdict other than OLD
  int proven = 0;   ///< tasks with the verdict PROVEN
  int growing = 0;  ///< groups with that verdict
};

/// Runs it and looks once; twice, while it leaks on, where growth is what shows its leak.
[[nodiscard]] leak_row look_at(const leak_case& which);

/// `tasks leaks ARGUMENTS --json` and its exit code. Throws std::runtime_error when it prints no such document.
[[nodiscard]] std::pair<v1::LeaksView, int> leaks(std::vector<std::string> arguments);

/// As Markdown.
[[nodiscard]] std::string table_of(const std::vector<leak_row>& rows);

}  // namespace tasks::testing
