#pragma once

/// Who could wake a task, who could wake those, and so on, as far as memory tells.
///
///   task ──waits on──> channel, timer <──points to── frame of a task ──waits on──> …
///        └─waits for── tasks that it spawned ──wait on──> …

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "proof/proof.hpp"
#include "proof/reference_search.hpp"
#include "target/target.hpp"
#include "tasks/detail/layout.hpp"

namespace tasks::cli {

struct graph_task {
  layout::wait_kind waits_for = layout::wait_kind::none;  ///< none unless blocked
  std::uint64_t object = 0;                               ///< that it waits on, where references to it were looked for
  bool followed = false;                                  ///< false: it goes on by itself, or was not looked at
  std::vector<std::uint64_t> wakers;                      ///< tasks, sorted, which may be missing from the graph
  std::vector<referrer> others;                           ///< what else points to the object
  std::uint64_t beside = 0;                               ///< how many more tasks wait on the same object
  bool unnamed = false;  ///< it waits for an operation that is not Asio's own: the object is what the handler points to
};

/// What all that wait on one object have in common.
struct graph_object {
  std::vector<std::uint64_t> wakers;  ///< as graph_task's
  std::vector<referrer> others;
};

struct wait_graph {
  std::map<std::uint64_t, graph_task> tasks;  ///< by id
  /// Of a graph of many, whose tasks do not have it each.
  std::map<std::uint64_t, graph_object> objects;
  bool cut = false;  ///< there is more than was followed
};

/// The shortest cycle through `task`, else one that it leads to. Only tasks which nothing outside of cycles could wake
/// are on it, as far as the graph tells. Empty: none.
[[nodiscard]] wait_cycle find_cycle(const wait_graph& graph, std::uint64_t task);
/// Of a graph of leaked tasks alone, none of which wakes another: as many as have no task in common, from the oldest
/// task on.
[[nodiscard]] std::vector<wait_cycle> find_cycles(const wait_graph& graph);

/// What leads to one task's wait, of a graph of many.
[[nodiscard]] wait_graph part_of(const wait_graph& of_many, std::uint64_t task);

/// What memory tells of one task's wait.
struct wait_story {
  std::optional<std::uint64_t> version;  ///< of the task, as v1::Task::version; nothing: it is not there
  bool ended = false;                    ///< it is not there for certain
  finding proof;  ///< of the proof; `unchecked` without a reason: it waits for nothing that could be proven
  wait_graph graph;
  std::string unread;  ///< as proof_result::unread
  double stopped_ms = 0;
};

/// A live process is held for as long as it takes to copy its memory. Fails where that may not be read.
[[nodiscard]] result<wait_story> look_at_wait(target& from, std::uint64_t task, proof_stop stop);
/// The graph of all waits that only tasks can end, of many, for part_of(). Where there is more than was followed:
/// `cut`.
[[nodiscard]] result<wait_graph> look_at_waits(target& from, proof_stop stop);

}  // namespace tasks::cli
