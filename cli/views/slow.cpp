#include "views/slow.hpp"

#include <iterator>
#include <span>

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "views/frames.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

void resolve_run(const slow_run& run, resolver& names, resolved& to) {
  names.resolve(run.task, to);
  to.native = shown_frames(frames_of_task(run.stack), false);
}

}  // namespace

void render_slow_run(fmt::memory_buffer& out, const slow_run& run, const std::string& when, resolver& names,
                     const render_context& context) {
  resolved what;
  resolve_run(run, names, what);
  if (context.style.color) append(out, bold);
  fmt::format_to(std::back_inserter(out), "{}  task {}", when, run.task.id());
  append_annotations(out, run.task);
  fmt::format_to(std::back_inserter(out), " {} {}{} on thread {}{}:", run.lasts ? "has run for" : "ran for",
                 run.is_exact || run.lasts ? "" : "at least ", format_nanoseconds(run.ns), run.thread,
                 run.lasts ? ", and runs" : "");
  if (context.style.color) append(out, plain);
  out.push_back('\n');
  render_frames(out, what, context.style);
  if (run.stack.frames.empty()) append(out, "(it was over before its thread could be looked at)\n");
  render_spawn_site(out, what);
  out.push_back('\n');
}

void fill_view(const slow_run& run, std::int64_t at_ns, resolver& names, v1::SlowRunView& view) {
  resolved what;
  resolve_run(run, names, what);
  view.set_at_seconds(static_cast<double>(at_ns) / 1e9);
  view.set_seconds(static_cast<double>(run.ns) / 1e9);
  view.set_lasts(run.lasts);
  view.set_exact(run.is_exact && !run.lasts);
  view.set_thread(run.thread);
  fill_view(run.task, what, *view.mutable_task());
}

}  // namespace tasks::cli
