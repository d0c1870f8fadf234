#pragma once

/// What mends something: the end of an error in a line, all of it in `tasks doctor`. Whoever finds the cause says both.

#include <string>
#include <vector>

namespace tasks::cli {

struct remedy {
  std::string words;         ///< "run as its owner"
  std::string command{};     ///< what to type; empty: there is no one command
  bool needs_root = false;   ///< to do it, or to get whoever does
  bool only_doctor = false;  ///< no part of an error's line
};

/// What is wrong, and what mends it, the likeliest first.
struct obstacle {
  std::string fact;
  std::vector<remedy> mends;
};

/// "run as its owner, or as root"
[[nodiscard]] std::string in_a_line(const std::vector<remedy>& mends);

}  // namespace tasks::cli
