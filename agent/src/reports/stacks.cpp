#include "tasks/stacks.hpp"

#include <algorithm>
#include <ostream>
#include <vector>

#include "readers/record_reader.hpp"
#include "readers/slab_map.hpp"
#include "readers/task_walk.hpp"
#include "registry/process_roots.hpp"
#include "reports/frame_names.hpp"
#include "reports/spawn_sites.hpp"
#include "reports/text.hpp"
#include "stack_groups.hpp"

namespace tasks {
namespace detail {
namespace {

void write_annotations(std::ostream& out, const task_copy& task, slab_map& slabs) {
  std::vector<annotation_copy> all;
  copy_annotations(task, slabs, all);
  std::reverse(all.begin(), all.end());  // as they were given
  for (const auto& each : all)
    if (each.key[0] == 0) out << " \"" << each.value.data() << '"';
  for (const auto& each : all)
    if (each.key[0] != 0) out << ' ' << each.key.data() << '=' << each.value.data();
}

/// "spawned by task 1 in run(int)\n\tafter /src/lab.cpp:31\n", as much of it as is known.
void write_spawn_site(std::ostream& out, const task_copy& task, spawn_sites& sites) {
  const auto site = sites.find(task.spawn_path, task.spawn_where, task.spawn_outer);
  if (task.parent == 0 && site.function.empty()) return;
  out << "spawned";
  if (task.parent != 0) out << " by task " << task.parent;
  if (!site.function.empty()) out << " in " << site.function;
  out << '\n';
  if (!site.line.empty()) out << (site.exact ? "\t" : "\tafter ") << site.line << '\n';
}

void write_each(std::ostream& out, task_walk& walk) {
  frame_names names;
  spawn_sites sites(names);
  slab_map slabs;
  for (auto step = walk.next(); step != task_walk::step::end; step = walk.next()) {
    if (step == task_walk::step::pause) continue;
    const auto& task = walk.task();
    out << "task " << task.id;
    write_annotations(out, task, slabs);
    out << " [" << state_name(state_of(task.word), kind_of(task));
    if (const auto age = duration(walk.age()); !age.empty()) out << ", " << age;
    out << "]:\n";
    for (auto i = task.depth; i-- > 0;)
      if (const auto& frame = names.find(task.where[i]); task.where[i] != 0 && !frame.plumbing)
        out << frame.function << "\n\t" << frame.place << '\n';
    if (const auto operation = names.operation_of({task.where.data(), task.depth}); !operation.empty())
      out << operation << '\n';
    if (task.truncated) out << "...additional frames elided...\n";
    write_spawn_site(out, task, sites);
    out << '\n';
  }
}

void write_grouped(std::ostream& out, task_walk& walk) {
  stack_groups groups;
  for (auto step = walk.next(); step != task_walk::step::end; step = walk.next())
    if (step == task_walk::step::task) groups.add(walk.task(), walk.age());
  out << "task profile: total " << walk.counts().tasks << '\n';
  frame_names names;
  for (const auto& group : groups.sort()) {
    const auto frames = groups.frames(group);
    out << group.count << " @";
    for (auto at = frames.rbegin(); at != frames.rend(); ++at)
      out << ' ' << hexadecimal(layout::is_code(*at) ? layout::code_address(*at) : *at);
    out << "\n# state: " << state_name(group.state, group.kind);
    if (const auto age = duration(group.ages[0]); !age.empty()) out << ", " << age;
    out << '\n';
    for (auto at = frames.rbegin(); at != frames.rend(); ++at)
      if (const auto& frame = names.find(*at); !frame.plumbing)
        out << "#\t" << hexadecimal(layout::is_code(*at) ? layout::code_address(*at) : *at) << '\t' << frame.function
            << '\t' << frame.place << '\n';
    if (const auto operation = names.operation_of(frames); !operation.empty()) out << "#\t" << operation << '\n';
    out << '\n';
  }
  if (groups.left_out() != 0) out << "# " << groups.left_out() << " tasks are in further groups\n";
}

}  // namespace
}  // namespace detail

std::uint64_t count() noexcept {
  // Ends first: a task that begins and ends meanwhile is then counted among neither or as begun, and the difference
  // of the two sums never falls below what existed all the time.
  const auto registries = detail::find_registries();
  const auto sum = [registries](layout::word_t layout::thread_slot::*counter) {
    std::uint64_t total = 0;
    for (const auto* home : registries) {
      const auto used = std::min<std::uint64_t>(home->threads.load(std::memory_order_acquire), layout::max_threads);
      for (std::uint64_t i = 0; i < used; ++i) total += (home->slots[i].*counter).load(std::memory_order_acquire);
    }
    return total;
  };
  const auto ended = sum(&layout::thread_slot::ended);
  const auto begun = sum(&layout::thread_slot::spawned);
  return begun > ended ? begun - ended : 0;
}

void write_stacks(std::ostream& out, stacks_format format) {
  const bool each = format == stacks_format::each;
  detail::make_registries_known();
  detail::task_walk walk({}, each ? detail::task_walk::order::oldest_first : detail::task_walk::order::any);
  each ? detail::write_each(out, walk) : detail::write_grouped(out, walk);
  if (const auto torn = walk.counts().torn; torn != 0) out << "# " << torn << " tasks ran too fast to be copied\n";
}

}  // namespace tasks
