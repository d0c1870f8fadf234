#pragma once

/// A thread with descriptors that are its own.
///
///   the program's threads ──> table of descriptors: all of theirs, the end of a pipe that is written to
///   the agent's thread    ──> another table: its socket, both ends of the pipe, what it opens from now on
///
/// A program may close descriptors that are not its own, as daemons do with all that they find, and get their numbers
/// for others then: neither it nor the agent would know. It may have no number left. And what it closes has to be
/// closed, where somebody waits for the end of it. See unshare(2), CLONE_FILES.

#include <array>

namespace tasks::detail {

/// Gives the calling thread a table that has nothing but these, at the numbers that they have, and /dev/null, if it can
/// be opened, at 0 to 2 where those are free. False: it has the one that it had, as the kernel refuses (a sandbox, or
/// before Linux 5.9), or under ThreadSanitizer, which takes equal numbers for one descriptor.
[[nodiscard]] bool have_own_descriptors(std::array<int, 3> kept) noexcept;

/// Closes whatever else such a thread has, beyond standard error.
void close_all_but(std::array<int, 3> kept) noexcept;

}  // namespace tasks::detail
