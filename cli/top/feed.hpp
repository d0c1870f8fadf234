#pragma once

/// Where a live view's contents come from: a process, or a recording of one. Asked from a thread of its own, so that
/// keys are read while a target takes its time.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "surveys/glance.hpp"
#include "tasks/v1/view.pb.h"

namespace tasks::cli {

/// Which snapshot it is, or round of snapshots.
struct moment_of_recording {
  std::string when;                ///< "2026-01-31 12:30:05"
  std::size_t number = 0, of = 0;  ///< which of how many; 0: it is no recording
};

/// One moment of a process.
struct glimpse {
  glance seen;
  std::string name;  ///< of the process: foreign text
  pid_t pid = 0;
  double at = 0;                   ///< seconds, of a clock that is nobody's business
  std::string when;                ///< "2026-01-31 12:30:05"
  bool anew = false;               ///< it has executed another program since: what was seen before is of another one
  std::size_t number = 0, of = 0;  ///< of a recording: which of how many snapshots; 0: a process
};

struct feed_question {
  enum class about { processes, groups, tasks, why, tree, leaks, threads };
  about is = about::processes;
  pid_t pid = 0;           ///< unless about processes
  glance_group group;      ///< of about::tasks
  std::uint64_t task = 0;  ///< of about::why
  int step = 0;            ///< of a recording: so many snapshots on, or back
  bool record = false;     ///< what is seen of the process is kept in a file
  bool timed = false;      ///< its runs are timed

  /// The answer is text, of what is there now.
  [[nodiscard]] bool is_of_page() const noexcept { return is >= about::why; }
};

struct feed_answer {
  feed_question to;
  std::optional<error> why_not;  ///< what follows is missing
  bool has_ended = false;        ///< with `why_not`: there is no such process any more
  double at = 0;                 ///< seconds, of a clock that is nobody's business
  v1::ListView processes;
  moment_of_recording moment;     ///< of the processes
  std::vector<glimpse> glimpses;  ///< the newest last; those of a recording begin anew
  std::optional<glance_tasks> tasks;
  std::string page;       ///< as a view prints it
  std::string note;       ///< what a user should know besides: foreign text
  std::string recording;  ///< the file that is recorded into; empty: none
  double took_ms = 0;
  bool has_waited = false;  ///< for a target that was silent: `took_ms` is no work
};

class feed {
 public:
  virtual ~feed() = default;
  /// Blocks until it is known, or the target has been silent for too long.
  virtual feed_answer ask(const feed_question& question) = 0;
};

}  // namespace tasks::cli
