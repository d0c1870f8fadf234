#pragma once

/// Tables of file descriptors: threads have one of their own after unshare(CLONE_FILES).

#include <sys/types.h>

#include <vector>

namespace tasks::cli {

/// A living thread for each table that threads of a process have. Where kcmp(2) is not allowed every thread counts as
/// one that has its own.
[[nodiscard]] std::vector<pid_t> holders_of_descriptor_tables(pid_t pid);

}  // namespace tasks::cli
