#pragma once

/// Finds the processes that have tasks, as far as that is known without asking any of them.
///
///   /proc/net/unix ──sockets under an agent's name──> who listens there
///   /proc          ──objects with the note, or with coroutines──> who does not, and why

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "linux/proc.hpp"
#include "target/coroutine_files.hpp"
#include "target/roots.hpp"
#include "tasks/v1/view.pb.h"

namespace tasks::cli {

struct found_process {
  /// Why it has no agent that can be asked.
  enum class lack { none, agent, hook, permission, patience, motion };

  process_stat stat;
  pid_t inner_pid = 0;         ///< what it calls itself; of one with an agent
  detail::descriptor agent{};  ///< connected to its agent, of which nothing was read yet; invalid: see `lacks`
  lack lacks = lack::none;     ///< hook: its tasks would be found in a copy of its memory; patience: its agent is busy
  v1::ProcessView::Agent state = v1::ProcessView::AGENT_UNSPECIFIED;  ///< likewise, as a list shows it
  std::string reason{};                                               ///< likewise, in words
  std::optional<target_roots> roots{};  ///< of one without an agent, whose registry can perhaps be read instead
  bool is_passed_by = false;            ///< it has an agent, which was not to be disturbed
};

class process_search {
 public:
  /// Each process once, in no order, itself left out. Agents are found first, so that they may answer while the others
  /// are looked for.
  /// `passes_by`: whether a process that has an agent, by what the search before found, is to be told without a
  /// connection to it.
  void find(const std::function<void(found_process)>& tell,
            const std::function<bool(const process_stat&)>& passes_by = {});
  [[nodiscard]] target_roots roots_of(pid_t pid) { return finder_.find(pid); }

 private:
  /// What a process without the note was found to be. It may load a library that has it.
  struct without_note {
    std::string executable;
    told_coroutines told = told_coroutines::none;
    std::chrono::steady_clock::time_point found;
  };

  /// Who listened on a socket when it was last connected to.
  struct listener_of_path {
    pid_t pid = 0;
    std::uint64_t start_time = 0;
    std::string connected{};  ///< the path by which it was reached; empty: not known
  };

  void find_by_sockets();
  /// Of who listened at `path` when it was last connected to, if that still lives.
  [[nodiscard]] std::optional<process_stat> known_listener(const std::string& path) const;
  [[nodiscard]] bool passes_by(const std::string& path, const process_stat& listener);
  void find_the_rest();
  void look_at(pid_t pid, std::string executable);
  void tell_of_listener(detail::descriptor socket, process_stat stat, pid_t inner_pid, const std::string& path);
  void tell_of(process_stat stat, found_process::lack lacks, v1::ProcessView::Agent state, std::string reason,
               std::optional<target_roots> roots = std::nullopt);

  root_finder finder_;
  coroutine_files coroutines_;
  std::unordered_map<pid_t, without_note> known_;
  std::unordered_map<pid_t, without_note> still_known_;  ///< while it looks: those that are there
  std::unordered_set<pid_t> told_;                       ///< likewise
  std::unordered_map<std::string, listener_of_path> listeners_;
  std::unordered_map<std::string, listener_of_path> still_listeners_;  ///< while it looks
  const std::function<void(found_process)>* tell_ = nullptr;
  const std::function<bool(const process_stat&)>* passes_by_ = nullptr;
};

}  // namespace tasks::cli
