#pragma once

/// Every view of one moment, for the command of that name and for others that keep what they have found.

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/output.hpp"
#include "commands/gather.hpp"
#include "commands/open_target.hpp"

namespace tasks::cli {

struct report_request : target_options {
  std::optional<std::string> output_file;
};

/// What is shown of it in text.
struct report_shape {
  std::string why = {};  ///< a line of the head; empty: somebody asked
  bool all = true;       ///< false: groups and threads alone, for a test's log
  bool leaks = true;     ///< of a short one
};

/// As text, or as JSON if `asked` says so. `pid`: nothing where it is no process that lives. Are all views there? Fails
/// where no view succeeded.
[[nodiscard]] result<bool> write_report(const report_request& asked, std::optional<pid_t> pid, evidence found,
                                        const report_shape& shape, output& out);

/// As a recording, under another name until it is whole. `found` was gathered with memory.
[[nodiscard]] result<void> record_evidence(const target_options& asked, evidence found, const std::string& file);

/// Names of files that are written as recordings.
[[nodiscard]] bool names_recording(const std::string& file);

}  // namespace tasks::cli
