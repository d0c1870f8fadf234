#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "commands/command.hpp"

namespace tasks::cli {

inline constexpr std::string_view program_version = TASKS_VERSION;

/// What is to be done: a command with its choices, or text to print (--help, --version).
struct invocation {
  std::unique_ptr<call> command;  ///< null: print `text`
  std::string text;
  std::string bare_word;  ///< a target that stood where a command could: "tasks lab"
};

/// "no command 'leeks': did you mean leaks?"; `nor_process`: it was looked for among processes too.
[[nodiscard]] error no_such_command(std::string_view word, bool nor_process = false);

/// That which words without -H and --push name, or mean where they name none: "tasks --json" is a list, "tasks 4131"
/// vitals.
[[nodiscard]] const command& command_of(std::span<const char* const> words);

/// Arguments without the program's name, and without -H and --push: see take_hosts(). `tasks` is `tasks list`, `tasks
/// PID` is `tasks vitals -p PID`.
[[nodiscard]] result<invocation> parse_command_line(std::span<const char* const> words);

}  // namespace tasks::cli
