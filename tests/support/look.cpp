#include "support/look.hpp"

#include <gtest/gtest.h>

#include "readers/locations.hpp"
#include "readers/record_reader.hpp"
#include "readers/task_walk.hpp"

namespace tasks::testing {
namespace {

seen_frame frame_at(std::uint64_t where) {
  if (where == 0) return {};
  const auto l = detail::read_location(where);
  return {l.function, l.file, l.line, l.address != 0};
}

}  // namespace

bool seen_task::runs(std::string_view function) const {
  for (const auto& f : frames)
    if (f.function.find(function) != std::string::npos) return true;
  return false;
}

std::vector<seen_task> look() {
  std::vector<seen_task> seen;
  detail::task_walk walk({}, detail::task_walk::order::oldest_first);
  detail::slab_map slabs;
  for (auto step = walk.next(); step != detail::task_walk::step::end; step = walk.next()) {
    if (step != detail::task_walk::step::task) continue;
    const auto& t = walk.task();
    seen_task s{t.id,
                t.parent,
                t.resumes,
                t.version(),
                t.object,
                t.detail,
                layout::state_of(t.word),
                detail::kind_of(t),
                layout::detail_of(t.wait),
                layout::descriptor_of(t.wait),
                t.thread,
                (t.flags & layout::awaited) != 0,
                t.group.members,
                t.group.ended,
                t.group.tasks,
                {},
                {},
                {},
                {}};
    for (auto i = t.depth; i-- > 0;) s.frames.push_back(frame_at(t.where[i]));
    for (std::size_t i = 0; i < t.group.count; ++i) s.pending.push_back(layout::kind_of(t.group.pending[i].wait));
    s.spawned_in = frame_at(t.spawn_where);
    std::vector<detail::annotation_copy> annotations;
    detail::copy_annotations(t, slabs, annotations);
    for (const auto& a : annotations) s.labels[a.key.data()] = a.value.data();
    seen.push_back(std::move(s));
  }
  return seen;
}

std::vector<seen_task> look_for(std::string_view function) {
  auto all = look();
  std::erase_if(all, [&](const seen_task& t) { return !t.runs(function); });
  return all;
}

seen_task look_for_one(std::string_view function) {
  auto found = look_for(function);
  EXPECT_EQ(found.size(), 1u) << "tasks in " << function;
  return found.size() == 1 ? found.front() : seen_task{};
}

}  // namespace tasks::testing
