#pragma once

#include <sys/types.h>

#include <chrono>
#include <span>

namespace tasks::cli {

/// A process that ends closes its sockets a moment before it is seen to have ended: so long who has hung up is waited
/// for, to tell why.
inline constexpr std::chrono::milliseconds longest_end{500};

/// Waits until each of them has ended, all of them at once, or until that time. One that nobody can watch (none, or no
/// descriptor left) is not waited for.
void wait_for_ends(std::span<const pid_t> processes, std::chrono::steady_clock::time_point until);

}  // namespace tasks::cli
