#pragma once

/// All that is looked at of a target for whoever keeps it, of one moment where that is possible.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands/open_target.hpp"
#include "proof/proof.hpp"
#include "sources/snapshot_source.hpp"
#include "surveys/busy.hpp"
#include "surveys/due.hpp"
#include "surveys/recorder.hpp"

namespace tasks::cli {

struct evidence {
  std::unique_ptr<snapshot_source> source;  ///< null: there are no tasks to be read, and `why_no_tasks` says why
  std::optional<error> why_no_tasks;
  std::shared_ptr<target> process;  ///< whose threads there are all the same
  std::optional<result<proof_result>> proof;
  due_survey due;
  std::vector<busy_task> busy;
  bool is_one_moment = false;
  double stopped_ms = 0;
  std::unique_ptr<proven_memory> memory;  ///< null: nobody asked for it, or it is not known
  std::string doubt;                      ///< why it is not one moment, and what is missing therefore
  /// There can be no proof, or no thread be stopped: decided once, and said in the head alone.
  bool no_proof = false, no_stacks = false;

  [[nodiscard]] target* from() const { return source ? source->from() : process.get(); }
  /// What a recorder need not look for any more.
  [[nodiscard]] recorded_looks looks() const;
};

/// Whether or not there is an agent, or tasks to be read, a process has threads; but not where it does not exist.
/// `pid`: nothing where it is a core, or a recording. `with_memory`: what a recorder needs of it. `tell` as of
/// open_target().
[[nodiscard]] result<evidence> gather(const target_options& asked, std::optional<pid_t> pid,
                                      const teller& tell = tell_on_standard_error, bool with_memory = false);

}  // namespace tasks::cli
