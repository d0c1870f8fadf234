#pragma once

/// What memory tells of tasks and of the heap, whichever of them are asked for: taken from a picture, or recorded.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "picture/heap_facts.hpp"
#include "proof/kept_memory.hpp"
#include "proof/proof.hpp"
#include "proof/scene.hpp"
#include "sources/snapshot_source.hpp"
#include "surveys/resident.hpp"

namespace tasks::cli {

struct task_memory {
  static constexpr std::uint64_t unknown = ~std::uint64_t{0};

  struct frame {
    std::uint64_t chunk = unknown;  ///< bytes of the heap's chunk; 0: it lies in another frame's
    std::uint64_t asked = unknown;  ///< bytes that its coroutine has asked for, as the hook tells
  };
  struct task {
    std::uint64_t id = 0;
    certainty leaked = certainty::held;         ///< proven, likely, or held: not as far as that is known
    bool whole = false;                         ///< what its frames keep is known
    std::uint32_t first_frame = 0, frames = 0;  ///< the outermost one first
  };

  heap_facts heap;
  std::vector<task> tasks;  ///< by id
  std::vector<frame> frames;
  std::optional<std::vector<resident_sum>> mappings;  ///< nothing: not known …
  std::string why_no_mappings;                        ///< … because of this
  std::string doubt;                                  ///< why it is not known which tasks are leaked; empty: it is
  bool torn = false;                                  ///< some tasks could not be read
  double stopped_ms = 0;

  /// Its place in `tasks`, which is most often `likely`.
  [[nodiscard]] std::optional<std::size_t> find(std::uint64_t id, std::size_t likely) const noexcept;
};

/// What groups of tasks alone keep alive, besides their frames; nothing: not known.
struct kept_by_groups {
  std::vector<std::optional<counted_bytes>> by_group;
  std::optional<counted_bytes> together;
};
/// `of_task` of its argument: of each of a task_memory's tasks.
using kept_finder = std::function<kept_by_groups(const keeper_groups&)>;

/// A picture, and the snapshot of the tasks in it.
struct memory_moment {
  std::shared_ptr<picture> taken;
  std::unique_ptr<snapshot_source> source;  ///< before `taken` in their destruction, as it reads from there
  std::optional<std::vector<resident_region>> mappings;  ///< nothing: not known, as of a core
};

/// Fails where AddressSanitizer serves the memory.
[[nodiscard]] result<void> refuse_asan(const memory& bytes, std::string subject);

/// Threads that run are stopped while its memory is copied, those that sleep are not. Fails where that may not be,
/// where no task is known, and where AddressSanitizer serves its memory.
[[nodiscard]] result<memory_moment> take_memory_moment(pid_t pid, bool hook, const teller& tell);
/// Of a core. Fails likewise.
[[nodiscard]] result<memory_moment> memory_moment_of(std::unique_ptr<snapshot_source> core);
/// Of what cannot change any more, a core or a copy; the moment has no source. Fails likewise.
[[nodiscard]] result<memory_moment> memory_moment_in(target& still);

/// What a picture's memory is told from, once it is known which of its tasks never wake.
struct proven_memory {
  std::shared_ptr<const picture> taken;
  std::unique_ptr<scene> in;  ///< never null
  proof_result proof;
  std::optional<std::vector<resident_region>> mappings;  ///< nothing: not known
  bool is_alive = true;                                  ///< a process; else a core
  double stopped_ms = 0;                                 ///< for the picture
};
/// Proves what can be, without stopping anybody. Changes `of`'s picture.
[[nodiscard]] proven_memory prove_memory(memory_moment& of, bool is_alive);

/// Looks through a picture, which it changes.
class pictured_memory {
 public:
  /// `most_holes`: of each arena are named.
  pictured_memory(proven_memory of, std::size_t most_holes);

  [[nodiscard]] const task_memory& known() const noexcept { return known_; }
  /// Once.
  [[nodiscard]] kept_by_groups find_kept(const keeper_groups& groups);

 private:
  void judge();
  void measure_frames();
  void sum_up_mappings();

  proven_memory of_;
  scene& scene_;
  task_memory known_;
  std::vector<std::uint32_t> in_scene_;  ///< the place of each of the known tasks among the scene's
};

}  // namespace tasks::cli
