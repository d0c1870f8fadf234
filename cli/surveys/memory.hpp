#pragma once

/// Which coroutines own a target's memory, and how full its heap is, at one moment.
///
///   picture ──> chunks of the heap ──> arenas, holes
///           └─> frames of tasks ────> by function; by group: with what they alone keep alive
///   smaps ────> what is in memory, by mapping

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "sources/snapshot_source.hpp"
#include "surveys/not_awaited.hpp"
#include "surveys/resolver.hpp"
#include "surveys/selection.hpp"
#include "surveys/task_memory.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

/// Memory of frames. Chunks of the heap, with malloc's headers.
struct frame_memory {
  std::uint64_t frames = 0, bytes = 0;
  std::uint64_t unknown = 0;  ///< so many of the frames are in no chunk of their own that is known, and not in `bytes`
  std::uint64_t requested = 0;  ///< bytes that their coroutines have asked for; of those …
  std::uint64_t told = 0;       ///< … so many frames of which the hook tells

  void add(const task_memory::frame& one) noexcept;
  void add(const frame_memory& more) noexcept;
};

struct surveyed_function {
  const frame* location = nullptr;  ///< one of it
  frame_memory memory;
  /// Of each whose chunk is known.
  std::uint64_t least = 0, most = 0;
};

/// Tasks with the same stack, wait and spawn site; those that are leaked apart.
struct surveyed_keeper {
  v1::Group group;
  resolved meaning;
  certainty leaked = certainty::held;  ///< proven, likely, or held: not as far as that is known
  frame_memory memory;
  std::optional<counted_bytes> kept;  ///< alone, besides their frames; nothing: not known
};

struct memory_options {
  std::size_t limit = 10;  ///< functions, groups, arenas' holes, mappings; 0: all
  /// Functions and groups are of these tasks; all else is of all. Null: of all.
  const selection* chosen = nullptr;
};

struct memory_survey {
  std::optional<std::uint64_t> resident_bytes;  ///< nothing: not known
  heap_facts heap;
  frame_memory frames;
  std::uint64_t tasks = 0;
  std::optional<std::uint64_t> matched;      ///< of them were chosen; nothing: nobody chose
  std::vector<surveyed_function> functions;  ///< the largest first
  std::deque<frame> made;                    ///< what those of Asio's stand for, which `functions` show instead
  std::vector<surveyed_keeper> groups;       ///< by all that would go with them
  std::uint64_t leaked_tasks = 0;            ///< proven or likely
  std::optional<counted_bytes>
      kept_by_leaked;  ///< all leaked groups as one; nothing: there are none, or it is not known
  std::vector<not_awaited_frames> not_awaited;  ///< the most bytes first; of a recording it is not known
  std::vector<resident_sum> mappings;
  std::size_t functions_left_out = 0, groups_left_out = 0, mappings_left_out = 0;
  std::vector<std::string> notes;
  double stopped_ms = 0;
  std::uint32_t resolution_ms = 0;
};

/// Of what is `known`, of the same moment as `source`; the first limit is that of holes, too.
[[nodiscard]] result<memory_survey> survey_memory(const task_memory& known, const kept_finder& find_kept,
                                                  snapshot_source& source, resolver& names,
                                                  const memory_options& options);
/// Changes the picture. `names`: of the moment's source, must outlive the survey.
[[nodiscard]] result<memory_survey> survey_memory(memory_moment& of, resolver& names, const memory_options& options);

}  // namespace tasks::cli
