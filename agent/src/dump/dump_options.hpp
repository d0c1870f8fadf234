#pragma once

/// What TASKS_DUMP in the environment asks for:
///
///   TASKS_DUMP=terminate,SIGQUIT,SIGUSR2,exit,deadlock:/var/log/%p.%t
///              └─ words, separated by commas ───────┘ └─ a file, else standard error

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tasks::detail {

struct dump_options {
  bool on_terminate = false;
  bool on_deadlock = false;
  bool exits = false;         ///< after the dump for a signal, as Go does
  std::uint64_t signals = 0;  ///< bit n: of signal n; 1 to 63
  char path[1024] = {};       ///< with %p, %t, %%; zero-terminated; empty: standard error
  char unknown[32] = {};  ///< the first word that means nothing, zero-terminated, cut where it is longer; empty: none

  [[nodiscard]] bool any() const noexcept { return on_terminate || on_deadlock || signals != 0; }
};

/// Signals are named SIGQUIT, QUIT or 3. A path that is too long is none. Words that mean nothing are left out, and the
/// first of them kept.
[[nodiscard]] dump_options parse_dump_options(std::string_view text) noexcept;

/// Writes a path, zero-terminated, with %p as the process id and %t as the seconds since the epoch. False: there is no
/// room. Async-signal-safe.
bool expand_path(const char* pattern, char* to, std::size_t size) noexcept;

}  // namespace tasks::detail
