#pragma once

/// The table of subcommands. --help, the man page and the shells' completions all come from it.

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.hpp"
#include "base/output.hpp"
#include "sources/snapshot_source.hpp"

namespace tasks::cli {

/// What the user typed, as typed; commands turn it into values.
struct arguments {
  std::string target;  ///< a PID or a name; empty: none given
  std::string task;    ///< an id; empty: none given
  bool json = false;
  bool group = false;
  bool all_frames = false;
  bool details = false;
  bool direct = false;
  bool no_native = false;
  bool verbose = false;
  bool prove = false;
  bool no_prove = false;
  std::optional<std::string> core, exe, output_file;
  std::optional<std::string> timeout;
  std::optional<std::string> older_than;
  std::optional<std::string> limit;
  std::optional<std::string> interval;
  std::optional<std::string> min_age, top;
  std::optional<std::string> stalled_after;
  std::optional<std::string> watch;  ///< empty: the default interval
  std::vector<std::string> ids, states, kinds;
};

struct option {
  std::string_view names;  ///< "-p,--pid"
  std::string_view value;  ///< "SECONDS"; empty: a flag; "[SECONDS]": may be left out
  std::string_view help;
  std::variant<bool arguments::*, std::string arguments::*, std::optional<std::string> arguments::*,
               std::vector<std::string> arguments::*>
      field;
  std::vector<std::string> (*words)() = nullptr;  ///< what the value may be, for completions
};

struct command {
  std::string_view name;
  std::string_view help;        ///< one line
  std::string_view positional;  ///< "PID", or "PID TASK"; empty: takes none
  std::span<const option> options;
  /// Returns the exit code; output goes to `out`.
  result<int> (*run)(const arguments&, output& out);
  bool hidden = false;
};

[[nodiscard]] std::span<const command> commands();
/// Null: no such command.
[[nodiscard]] const command* find_command(std::string_view name);

extern const command list_command, vitals_command, stack_command, tree_command, threads_command, leaks_command,
    report_command, channels_command, why_command, man_command, completion_command;

// What commands share.

inline constexpr option pid_option = {"-p,--pid", "PID", "the target: a process id, or a name that one process has",
                                      &arguments::target};
inline constexpr option json_option = {"--json", "", "print one JSON document", &arguments::json};
inline constexpr option timeout_option = {
    "--timeout", "SECONDS", "give up when an agent sends nothing for so long (default 2)", &arguments::timeout};

inline constexpr option direct_option = {
    "--direct", "", "read the target's memory instead of asking its agent; works when it hangs, is stopped or has none",
    &arguments::direct};
inline constexpr option no_native_option = {
    "--no-native", "", "no native stacks: no thread is stopped, not even for a moment", &arguments::no_native};
inline constexpr option no_prove_option = {
    "--no-prove", "", "do not look who else holds what tasks wait on: nothing is stopped, not even for a moment",
    &arguments::no_prove};
inline constexpr option core_option = {"--core", "FILE", "read a core file instead of a process", &arguments::core};
inline constexpr option exe_option = {"--exe", "FILE", "the executable that dumped the core, if it is not where it was",
                                      &arguments::exe};

[[nodiscard]] result<std::chrono::milliseconds> timeout_of(const arguments& args);
/// Finds the target and opens what there is to read it with.
[[nodiscard]] result<std::unique_ptr<snapshot_source>> open_target(const arguments& args);
[[nodiscard]] error usage_error(std::string subject, std::string fact, std::string next_step = "");

}  // namespace tasks::cli
