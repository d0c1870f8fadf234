#pragma once

/// What a descriptor of another process has to be read.

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace tasks::cli {

/// Bytes to be read from what that descriptor leads to, a pipe. Borrows it for the length of one question
/// (pidfd_getfd(2)), which is a right to look like any other. `pid`: of a process, or since Linux 6.9 of any thread.
/// Nothing: not known.
[[nodiscard]] std::optional<std::uint64_t> bytes_in_pipe(pid_t pid, std::uint32_t fd);

/// Would poll(2) say POLLIN of it? Of a socket with SO_RCVLOWAT bytes alone do not tell. Borrows it likewise, so that a
/// socket which is closed meanwhile stays open for as long. Nothing: not known.
[[nodiscard]] std::optional<bool> is_readable(pid_t pid, std::uint32_t fd);

}  // namespace tasks::cli
