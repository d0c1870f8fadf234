#pragma once

/// Takes whole snapshots of a target, each with all that a view needs, so that a recorded_source can stand for it.
///
///   source ──tasks, vitals──┐
///          ──looks──> facts ┴──names of code, descriptors──> RecordedParts

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "proof/proof.hpp"
#include "sources/snapshot_source.hpp"
#include "surveys/busy.hpp"
#include "surveys/due.hpp"
#include "surveys/task_memory.hpp"
#include "tasks/v1/recording.pb.h"

namespace tasks::cli {

/// What to look at besides tasks, and what was looked at already.
struct recorded_looks {
  bool stacks = false;              ///< native stacks of all threads, for which those that run are stopped for a moment
  bool leaks = false;               ///< memory is copied for a proof, and for who could wake whom
  bool operations = false;          ///< memory is copied for what pends without a task, of one moment of its own
  bool memory = false;              ///< the memory of frames and the heap, where it is one moment
  std::string no_stacks = {};       ///< why there are none, where there are to be none
  const due_survey* due = nullptr;  ///< null: it is looked for now
  const std::vector<busy_task>* busy = nullptr;  ///< likewise
  const result<proof_result>* proof = nullptr;   ///< made of the same moment already; null: made now, where wanted
  proven_memory* memory_seen = nullptr;          ///< likewise, and is used up; null: there is none but of a core
  std::optional<double> stopped_ms = {};         ///< it is one moment, for which threads were stopped so long
  std::string doubt = {};                        ///< why it is none
  std::string core = {};                         ///< that is looked at; empty: a process
};

struct taken_snapshot {
  v1::SnapshotHead head;
  std::string parts;  ///< with their lengths in front
};

/// Of one target after another time: what is the same in the next snapshot has the same bytes there.
class recorder {
 public:
  /// Fails where the source does.
  result<taken_snapshot> take(snapshot_source& source, const recorded_looks& looks);

 private:
  struct sample {
    std::uint64_t version, time_ms;
    std::optional<std::int64_t> expiry_ms;
  };
  struct taken {
    v1::RecordedFacts facts;
    v1::Chunk failures;
    std::string tasks;  ///< parts
    std::uint64_t count = 0;
    bool has_bases = false, has_endless = false, waits_for_name = false;
    std::map<std::uint64_t, std::optional<std::uint64_t>> channels;  ///< capacities, by address
    std::set<std::uint32_t> fds;
    std::vector<std::uint64_t> ids;  ///< of all tasks
    std::unordered_map<std::uint64_t, sample> samples;
  };
  using numbers = std::unordered_map<std::uint32_t, std::uint32_t>;  ///< of locations, by their number in an answer

  void learn(const v1::Chunk& chunk, numbers& renumbered);
  void choose_bases(const v1::Chunk& chunk, v1::RecordedFacts& to) const;
  void add_tasks(const v1::Chunk& chunk, const numbers& renumbered, taken& to) const;
  static void find_objects(const snapshot_source& source, taken& of);
  void name_code(snapshot_source& source, v1::RecordedFacts& to);
  [[nodiscard]] std::string put_together(taken found, const v1::Vitals& vitals, const v1::Trailer& trailer) const;

  v1::Chunk locations_;  ///< all that were seen, with lasting numbers
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::unordered_map<std::uint64_t, v1::RecordedCode> code_;
  std::unordered_map<std::uint64_t, sample> last_;  ///< some tasks of the last snapshot, by id
};

}  // namespace tasks::cli
