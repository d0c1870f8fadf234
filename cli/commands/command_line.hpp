#pragma once

#include <span>
#include <string>
#include <string_view>

#include "commands/command.hpp"

namespace tasks::cli {

inline constexpr std::string_view program_version = TASKS_VERSION;

/// What is to be done: a command with its arguments, or text to print (--help, --version).
struct invocation {
  const command* what = nullptr;  ///< null: print `text`
  arguments args;
  std::string text;
  bool word_was_bare = false;  ///< the target stood where a command could: "tasks lab"
};

/// Arguments without the program's name. `tasks` is `tasks list`, `tasks PID` is `tasks vitals -p PID`.
[[nodiscard]] result<invocation> parse_command_line(std::span<const char* const> words);

}  // namespace tasks::cli
