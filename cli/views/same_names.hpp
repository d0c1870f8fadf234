#pragma once

/// Which of several processes of one name is which.

#include <string>
#include <vector>

#include "tasks/v1/view.pb.h"

namespace tasks::cli {

/// Of each process what tells it from others of its name: its arguments, and where these are the same the directory in
/// which it works; without what all of them have in common. "--port 80", "… --leak cycle", "in …/blue". Empty: it is
/// the only one, or nothing does.
[[nodiscard]] std::vector<std::string> told_apart(const v1::ListView& list);

}  // namespace tasks::cli
