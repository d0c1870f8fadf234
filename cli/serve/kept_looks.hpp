#pragma once

/// What was last seen of each process, for all who ask: a recording of one snapshot, which every view is made of.
///
///   GET …/stack ─┐                 ┌── younger than --max-age: that one
///   GET …/tree  ─┴─> (pid, depth) ─┤
///                                  └── else: `tasks record -p PID`, in a process of its own; others wait for it
///   view = `tasks stack --from SNAPSHOT --json`, in a process of its own, kept with the snapshot
///
/// A snapshot waits for its turn: a process is looked at once a second at most, whatever is asked and by how many.

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <semaphore>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "linux/child_process.hpp"
#include "linux/proc.hpp"
#include "serve/look_turns.hpp"
#include "serve/shared_look.hpp"

namespace tasks::cli {

/// Where files are that get their name taken away at once: $TMPDIR, or /tmp.
[[nodiscard]] std::string folder_of_passing_files();

/// A command of this program to its end. Fails as it does, or where it does not come to its end.
[[nodiscard]] result<child_end> run_command(child_order order);

/// What is looked at. Each has what those before it have.
enum class look_depth {
  tasks,   ///< nobody is stopped
  moment,  ///< native stacks, a proof, operations: memory is copied, and threads that run are stopped meanwhile
  memory   ///< and the heap
};

/// What came of a view.
struct made_view {
  int code = 0;  ///< its exit code
  std::string text;
  std::vector<std::string> told;  ///< beside it, on standard error, a line each
};

/// One snapshot, or what somebody has brought. Its file has no name any more, and is gone with it.
struct kept_look {
  descriptor file;
  std::chrono::steady_clock::time_point at;
  bool is_brought = false;  ///< a recording from elsewhere: which snapshot of it is shown is told, and what is wrong
  std::string name;         ///< "lab-4131-20260131-123005"
  std::mutex mutex;         ///< of the views
  std::map<std::vector<std::string>, std::shared_ptr<const made_view>> views;  ///< by their words
  std::size_t view_bytes = 0;
};

class kept_looks {
 public:
  using clock = std::chrono::steady_clock;
  using wanted = std::function<bool()>;

  /// `turns` outlives it.
  kept_looks(std::chrono::milliseconds max_age, look_turns& turns) : max_age_(max_age), turns_(turns) {}

  /// Fails where the process cannot be looked at.
  result<std::shared_ptr<kept_look>> look_at(pid_t pid, look_depth depth);
  /// The newest snapshot that was begun within the last second. Null: there is none.
  [[nodiscard]] std::shared_ptr<kept_look> recent(pid_t pid, std::uint64_t start_time);
  /// `words`: a command with its options, of which --from is not one.
  result<std::shared_ptr<const made_view>> view(kept_look& of, const std::vector<std::string>& words,
                                                const wanted& is_wanted);
  /// What nobody has asked for in the last minute.
  void forget_old();

 private:
  using looked = result<std::shared_ptr<kept_look>>;
  struct watched {
    std::map<look_depth, std::shared_ptr<shared_look<std::shared_ptr<looked>>>> looks;
    clock::time_point asked;
  };

  /// Of a process that runs for us: of a large target each takes gigabytes.
  class place {
   public:
    place(kept_looks& of, const wanted& is_wanted);
    place(const place&) = delete;
    place& operator=(const place&) = delete;
    ~place();
    /// False: nobody wants it any more.
    explicit operator bool() const noexcept { return is_there_; }

   private:
    kept_looks& of_;
    bool is_there_ = false;
  };
  static constexpr std::ptrdiff_t most_at_once = 4;

  [[nodiscard]] looked take(pid_t pid, look_depth depth);

  std::chrono::milliseconds max_age_;
  look_turns& turns_;
  std::counting_semaphore<> places_{most_at_once};
  std::mutex mutex_;
  std::map<std::pair<pid_t, std::uint64_t>, watched> processes_;  ///< by pid and start
};

}  // namespace tasks::cli
