#pragma once

/// What commands print of a source, text or JSON, for those who print several: each by its own command's choices.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/output.hpp"
#include "commands/filters.hpp"
#include "commands/open_target.hpp"
#include "export/formats.hpp"
#include "sources/snapshot_source.hpp"
#include "surveys/leaks.hpp"
#include "views/stack.hpp"

namespace tasks::cli {

struct frame_options {
  bool all_frames = false;  ///< those of Asio and of the standard library too
};

/// Whether who else holds what tasks wait on is looked for, and the target may be stopped to see it.
struct prove_options {
  bool prove = true;
  proof_stop stop = proof_stop::when_needed;
};

struct vitals_request : target_options {
  std::chrono::milliseconds stalled_after{1000};
  bool details = false;
  const due_survey* due = nullptr;               ///< looked for already; null: it is now
  const std::vector<busy_task>* busy = nullptr;  ///< likewise
};
struct leaks_request : target_options, filter_options, leaks_options {};
struct channels_request : target_options, filter_options, frame_options, prove_options {
  const result<proof_result>* proof = nullptr;  ///< made of the same moment already; null: it is made now
};
struct threads_request : target_options, filter_options, frame_options {
  bool native = true;
  bool verbose = false;
  std::chrono::milliseconds interval{0};
  const std::vector<busy_task>* busy = nullptr;  ///< looked for already; null: they are now
};
struct stack_request : target_options, filter_options, group_options, frame_options {
  bool native = true;
  bool all_ids = false;                               ///< of each group, not three of them
  bool locals = false;                                ///< values in frames; the source stands still
  bool addresses = false;                             ///< of frames
  std::optional<profile_format> format;               ///< nothing: text, or JSON
  std::optional<std::chrono::milliseconds> interval;  ///< of by_growth, by_busy; nothing: as is usual
  const counted_groups* earlier = nullptr;            ///< the first of these; null: there was none
  const std::vector<due_task>* due = nullptr;         ///< looked for already; null: they are now
  const std::vector<busy_task>* busy = nullptr;       ///< likewise
};
struct tree_request : target_options, filter_options, frame_options {
  bool all = false;                              ///< those too that read alike, a line each
  const std::vector<due_task>* due = nullptr;    ///< likewise
  const std::vector<busy_task>* busy = nullptr;  ///< likewise
};

result<void> show_vitals(snapshot_source& source, const vitals_request& asked, output& out);
enum class leak_answer { none, some, undecided };
/// Whether there are tasks with which something is wrong; undecided: none, but not every wait could be told.
result<leak_answer> show_leaks(snapshot_source& source, const leaks_request& asked, output& out);
result<void> show_channels(snapshot_source& source, const channels_request& asked, output& out);
/// `source`: null where there are threads, but no tasks to be read; `why_no_tasks` says why. `from`: null where it is a
/// recording.
result<void> show_threads(target* from, snapshot_source* source, const std::string& why_no_tasks,
                          const threads_request& asked, output& out);
result<void> show_stack(snapshot_source& source, const stack_request& asked, output& out);
result<void> show_tree(snapshot_source& source, const tree_request& asked, output& out);

[[nodiscard]] option_of<frame_options> all_frames_option();
[[nodiscard]] option_of<prove_options> no_prove_option();

/// --no-stop, of commands that prove.
template <class Chosen>
[[nodiscard]] option_of<Chosen> no_stop_option(std::string_view help) {
  return {{"--no-stop", "", help}, [](Chosen& to, const std::string&) -> result<void> {
            to.stop = proof_stop::never;
            to.may_stop = false;
            return {};
          }};
}
constexpr std::string_view no_proof_without_stop =
    "stop no thread, not even for a moment: that a task never wakes is not proven then";

}  // namespace tasks::cli
