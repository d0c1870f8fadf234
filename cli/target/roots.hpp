#pragma once

/// Which process is meant, and what it says of itself before anybody connects: the roots that its objects hold.
///
///   /proc/PID/maps ──> executable and libraries ──> note "tasks" ──> root (read with process_vm_readv)
///
/// Nothing here depends on the reader's environment or user: sudo does not change the answer.

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/remedy.hpp"
#include "descriptor.hpp"
#include "linux/elf_note.hpp"
#include "linux/memory.hpp"
#include "tasks/detail/layout.hpp"

namespace tasks::cli {

/// A copy of the fields of a tasks::layout::root that say who serves it.
struct root_copy {
  std::uint64_t address = 0;
  std::uint32_t layout = 0;
  pid_t pid = 0;  ///< as its owner calls itself; 0: not used yet
  layout::agent_status agent = layout::agent_status::absent;
  int agent_errno = 0;
  std::uint64_t start_time = 0;
  std::uint64_t records = 0;  ///< address of its registry; 0: no task yet
  std::uint64_t tick = 0;
  std::uint64_t timing = 0;  ///< address of the timing_area whose tick it is while tasks are timed; 0: they are not
  std::uint32_t tick_resolution = 0;
  std::uint32_t channel_next = 0, channel_prev = 0;
  std::uint64_t listener = 0;      ///< inode of the socket on which its agent listens; 0: not known
  std::uint64_t agent_memory = 0;  ///< address of its agent's newest layout::agent_mapping; 0: none
  /// The hook made its tasks' frames. False: they were found without it, and so it is not known since when anything is.
  bool has_headers = true;
  std::string socket_path;
};

struct target_roots {
  bool instrumented = false;  ///< some object carries the note
  /// errno of the first thing that could not be read; then `roots` may miss some.
  int failure = 0;
  std::vector<root_copy> roots;
};

/// The mapped file itself, also when it was deleted or replaced since; else what now has its path. Empty: errno says
/// why.
[[nodiscard]] detail::descriptor open_mapped(pid_t pid, const memory_region& region);

/// The root at an address of the target. 0, or the errno with which it could not be read; EINVAL: there is none.
[[nodiscard]] int read_root(const memory& from, std::uint64_t address, root_copy& copy);

/// Finds roots; remembers the notes of each file, so that many processes that share libraries cost little.
class root_finder {
 public:
  [[nodiscard]] target_roots find(pid_t pid);

 private:
  /// Device as in /proc/PID/maps, and inode.
  using file_id = std::pair<std::string, std::uint64_t>;
  std::map<file_id, elf_notes, std::less<>> files_;
};

/// The process that a user's word names: a pid, a name that exactly one process has, or a container, by its id
/// (is_called()), in which one process has tasks.
[[nodiscard]] result<pid_t> find_process(std::string_view word);

/// All of a name, the one with that pid, or those of a container that have tasks.
[[nodiscard]] result<std::vector<pid_t>> find_processes(std::string_view word);

/// Why no agent answers, in words, from what the process's roots say.
[[nodiscard]] std::string reason_without_agent(const target_roots& roots, pid_t inner_pid);

/// The same, and what would have an agent answer.
[[nodiscard]] obstacle what_lacks_of_agent(const target_roots& roots, pid_t inner_pid);
/// How a program gets the hook.
[[nodiscard]] remedy to_have_a_hook();

/// Why there is nothing to read, whether an agent listens or not; nothing where there is.
[[nodiscard]] std::optional<error> unreadable(pid_t pid, const target_roots& roots);
[[nodiscard]] error layout_error(std::string subject, std::uint32_t theirs);
/// The error that fits a process whose agent cannot be reached.
[[nodiscard]] error no_agent_error(pid_t pid, const target_roots& roots);

}  // namespace tasks::cli
