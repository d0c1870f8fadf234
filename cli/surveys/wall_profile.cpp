#include "surveys/wall_profile.hpp"

#include <algorithm>

#include "linux/same_program.hpp"
#include "surveys/cpu_profile.hpp"
#include "surveys/timing.hpp"

namespace tasks::cli {
namespace {

using wall_clock_type = std::chrono::steady_clock;

result<std::uint64_t> look_once(snapshot_source& source, bool all_frames, bool timed, wall_visitor& visitor) {
  // Of one without a hook each look finds its tasks anew.
  if (auto* from = source.from(); from != nullptr && !from->has_hook())
    if (const auto looked = from->look_again(stop_order::whom::who_runs, {}); !looked) return looked.why();
  resolver names(source, {.all_frames = all_frames});
  resolved what;
  std::uint64_t seen = 0;
  v1::StacksRequest all;
  all.set_timing(timed);
  const auto read = source.stacks(all, [&](const v1::Chunk& chunk) {
    names.learn(chunk);
    for (const auto& task : chunk.tasks()) {
      names.resolve(task, what);
      visitor.see(task, what);
      ++seen;
    }
    return true;
  });
  if (!read) return read.why();
  return seen;
}

/// Of a process that does not execute its program any more.
std::string why_it_is_gone(pid_t pid) {
  const auto stat = read_stat(pid);
  return !stat || process_has_ended(*stat) ? "it ended" : "it executed another program";
}

}  // namespace

result<wall_summary> profile_wall(snapshot_source& source, const wall_options& options, const end_waiter& wait,
                                  wall_visitor& visitor) {
  wall_summary made;
  const same_program program(source.pid());
  if (source.from() != nullptr) open_code(source.from()->code());
  const auto begin = wall_clock_type::now();
  const auto end = begin + options.length;
  const auto since_epoch = [](wall_clock_type::time_point at) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count());
  };
  for (auto next = begin; !wait(std::min(next, end));) {
    const auto now = wall_clock_type::now();
    if (now >= end) break;
    if (made.looks != 0 && !program.still()) {
      made.ended = why_it_is_gone(source.pid());
      break;
    }
    visitor.begin_look(now - begin, since_epoch(now));
    const auto timed = options.timed ? source.time_runs(timing_lease) : result<v1::TimingState>(v1::TimingState());
    if (!timed) made.not_timed = in_words(timed.why());
    const auto seen = look_once(source, options.all_frames, options.timed && timed, visitor);
    if (!seen && made.looks == 0) return seen.why();
    if (!seen) {
      made.ended = program.still() ? in_words(seen.why()) : why_it_is_gone(source.pid());
      break;
    }
    ++made.looks;
    made.tasks += *seen;
    // A look that took long is followed by as long a pause.
    const auto done = wall_clock_type::now();
    const auto earliest = done - now > options.period / 2 ? done + (done - now) : done;
    for (next += options.period; next < earliest; next += options.period)
      if (next < end) ++made.missed_looks;
  }
  made.length = std::min(wall_clock_type::now(), end) - begin;
  visitor.end(made.length);
  return made;
}

}  // namespace tasks::cli
