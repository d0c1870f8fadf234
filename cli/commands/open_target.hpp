#pragma once

/// Which target a command looks at, and how it is read.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/output.hpp"
#include "commands/options.hpp"
#include "commands/watch.hpp"
#include "hookless/sightings.hpp"
#include "linux/process_stop.hpp"
#include "sources/snapshot_source.hpp"
#include "views/text.hpp"

namespace tasks::cli {

struct view_options {
  bool json = false;
};

struct patience {
  std::chrono::milliseconds timeout{2000};  ///< an agent may send nothing for so long
};

struct target_options : view_options, patience, watch_options {
  std::string target;  ///< a PID or a name; empty: none given
  bool direct = false;
  bool hook = true;  ///< false: tasks are found as if the program had none
  std::optional<std::string> core, exe;
  std::optional<std::string> from;                    ///< a recording
  std::optional<std::string> at;                      ///< which of its snapshots; nothing: the last
  bool may_stop = true;                               ///< false: no thread, not even for a moment
  std::optional<std::chrono::milliseconds> max_stop;  ///< no thread for longer; nothing: as long as it takes
  std::shared_ptr<sightings> seen;  ///< of a process that is looked at again and again; null: it is not
};

/// PID, as a word; with -p too it is a second target, which is refused.
[[nodiscard]] option_of<target_options> pid_word();
[[nodiscard]] option_of<target_options> pid_option();
[[nodiscard]] option_of<view_options> json_option();
[[nodiscard]] option_of<patience> timeout_option();
/// Of a process without a hook, for each look.
[[nodiscard]] stop_order::whom whom_to_stop(const target_options& of) noexcept;
/// For commands that do not stop threads for a reason of their own.
[[nodiscard]] option_of<target_options> let_run_option();
/// --json, --timeout, --direct, --no-hook, --core, --exe, --from and --at: the last of the options of every command
/// that has a target.
[[nodiscard]] std::vector<option_of<target_options>> reading_options();

/// -p, then the command's own, then reading_options().
template <class Chosen>
std::vector<option_of<Chosen>> with_target(std::vector<option_of<Chosen>> own) {
  own.insert(own.begin(), pid_option());
  for (const auto& each : reading_options()) own.push_back(each);
  return own;
}

/// The same, of a view that --watch prints again and again; see watched().
template <class Chosen>
std::vector<option_of<Chosen>> with_watched_target(std::vector<option_of<Chosen>> own) {
  own.push_back(watch_option());
  return with_target<Chosen>(std::move(own));
}

/// What a view says stays alone on standard output.
void tell_on_standard_error(const std::string& line);

/// While this lives, what this thread would tell there is kept instead.
class told_lines {
 public:
  told_lines();
  told_lines(const told_lines&) = delete;
  told_lines& operator=(const told_lines&) = delete;
  ~told_lines();

  [[nodiscard]] const std::vector<std::string>& lines() const noexcept { return lines_; }

 private:
  std::vector<std::string> lines_;
};

/// Finds the target and opens what there is to read it with. `tell` gets what a user should know besides.
[[nodiscard]] result<std::unique_ptr<snapshot_source>> open_target(const target_options& of,
                                                                   const teller& tell = tell_on_standard_error);

/// The same, where memory and tasks are of one moment: of a live process what was copied of it, of which threads that
/// run are stopped meanwhile.
[[nodiscard]] result<std::unique_ptr<snapshot_source>> open_target_at_one_moment(const target_options& of);

[[nodiscard]] render_context context_of(const target_options& of, const snapshot_source& source, const output& out,
                                        std::uint32_t resolution_ms);

}  // namespace tasks::cli
