#pragma once

#include <string>
#include <vector>

#include "support/program.hpp"

namespace tasks::testing {

/// Runs a command on a terminal of so many columns. What it wrote to the terminal, line ends as "\n", is the outcome's
/// `out`. Throws std::runtime_error when there is no terminal to be had.
[[nodiscard]] outcome run_on_terminal(const std::vector<std::string>& argv, unsigned columns,
                                      const environment& env = {});

}  // namespace tasks::testing
