#pragma once

/// Text and message of `tasks stack`.

#include <fmt/format.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/output.hpp"
#include "surveys/frame_addresses.hpp"
#include "surveys/group_keys.hpp"
#include "surveys/locals.hpp"
#include "surveys/resolver.hpp"
#include "surveys/running_stacks.hpp"
#include "tasks/v1/agent.pb.h"
#include "tasks/v1/view.pb.h"
#include "views/json.hpp"
#include "views/text.hpp"

namespace tasks::cli {

/// One task's stack, and one group's; `first` ones have no empty line before them.
void render_task(fmt::memory_buffer& out, const v1::Task& task, const resolved& meaning, bool first,
                 const render_context& context);
/// `growth`: as growth_words(). `named`: as ids_words() has it.
void render_group(fmt::memory_buffer& out, const v1::Group& group, const resolved& meaning, bool first,
                  const render_context& context, std::string_view growth = {}, std::span<const v1::Task> named = {});
/// Says what the answer left out; prints nothing when it is whole.
void render_trailer(fmt::memory_buffer& out, const v1::Trailer& trailer, bool grouped);

/// The groups of an earlier look.
struct counted_groups {
  std::unordered_map<std::string, std::uint64_t> tasks;  ///< of each, by what it reads as
  double seconds = 0;                                    ///< from then to the look that is shown
};

struct stack_style {
  bool json = false;
  bool group = false;
  bool of_tasks = false;    ///< with `group`: parts are of tasks
  bool all_ids = false;     ///< likewise, and groups name all of theirs
  std::uint64_t limit = 0;  ///< of groups; 0: none
  bool all_frames = false;
  group_by by = group_by::stack;  ///< others: `of_tasks`
  std::string label;              ///< of group_by::label
  group_order order = group_order::by_count;
  const counted_groups* earlier = nullptr;  ///< groups that have grown most since come first; null: nobody has looked
};

/// Are there operations among the groups of an answer of which it does not tell who awaits them? Tasks tell that.
[[nodiscard]] bool lack_places(const std::vector<v1::Chunk>& groups, const snapshot_source& source);

/// Prints tasks as they come, groups when all have come.
class stack_printer {
 public:
  /// `native`: of the tasks that run; null: not asked for.
  stack_printer(output& out, const stack_style& style, const snapshot_source& source, render_context context,
                running_stacks* native, std::vector<due_task> due, std::vector<busy_task> busy);

  /// Said at the end.
  void set_note(std::string note) { note_ = std::move(note); }
  /// Of tasks that wait for a name.
  void set_lookups(lookup_survey lookups) { names_.set_lookups(std::move(lookups)); }
  /// Shows values in frames of tasks; must outlive it.
  void set_locals(locals_survey& locals) { locals_ = &locals; }
  /// Shows where frames of tasks lie; must outlive it.
  void set_addresses(const frame_addresses& addresses) { addresses_ = &addresses; }
  /// False: nobody reads on.
  bool part(const v1::Chunk& chunk);
  /// Null: the answer broke off; what was printed stays a whole document.
  void end(v1::Trailer* trailer);
  /// Instead of end(): nothing is printed.
  [[nodiscard]] counted_groups count_groups();

 private:
  [[nodiscard]] std::string reads_as(const v1::Group& group, const alike_groups::heading& under);
  /// Their places, those that have grown most first under each heading.
  [[nodiscard]] std::vector<std::size_t> order_of(const std::vector<v1::Group>& groups);
  void add_native_frames(const v1::Task& task);
  void resolve(v1::Group& group);
  [[nodiscard]] alike_groups::heading_of heading();
  void print_heading(const alike_groups::heading& what);
  void print_groups(v1::Trailer* trailer);
  [[nodiscard]] std::vector<v1::EndedTasks> ended_alike();
  void print_ended();

  output& out_;
  stack_style style_;
  resolver names_;
  alike_groups groups_;
  running_stacks* native_;
  locals_survey* locals_ = nullptr;             ///< null: not asked for
  const frame_addresses* addresses_ = nullptr;  ///< likewise
  render_context context_;
  v1::StackView header_;
  std::optional<json_stream> json_;
  resolved what_;
  v1::TaskView task_view_;
  v1::GroupView group_view_;
  std::vector<v1::EndedTasks> ended_;
  std::vector<std::int64_t> growth_;       ///< of each group; empty: nobody has looked before
  std::vector<std::uint64_t> due_, busy_;  ///< tasks that came and are that, by id
  std::optional<std::string> note_;
  const alike_groups::heading* last_heading_ = nullptr;
  bool first_ = true;
};

}  // namespace tasks::cli
