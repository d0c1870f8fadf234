#pragma once

#include <functional>
#include <string>
#include <vector>

#include "support/program.hpp"

namespace tasks::testing {

/// Runs a command on a terminal of so many columns. What it wrote to the terminal, line ends as "\n", is the outcome's
/// `out`, without lines that say what takes so long. `on_more`: told all that was written so far, as it is. Throws
/// std::runtime_error when there is no terminal to be had.
[[nodiscard]] outcome run_on_terminal(const std::vector<std::string>& argv, unsigned columns,
                                      const environment& env = {},
                                      const std::function<void(const std::string&)>& on_more = {});

}  // namespace tasks::testing
