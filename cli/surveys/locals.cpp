#include "surveys/locals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "linux/proc.hpp"
#include "picture/picture.hpp"
#include "picture/still_target.hpp"
#include "surveys/without_hook.hpp"
#include "target/registry_reader.hpp"

namespace tasks::cli {

result<std::unique_ptr<memory_source>> open_one_moment(pid_t pid, bool hook, const teller& tell,
                                                       std::shared_ptr<sightings> seen) {
  auto live = live_target(pid);
  // Whoever traces a process is the only one who can stop it; where that one has, it stands still.
  const auto stop = find_stop(pid);
  const bool is_held = stop && stop->tracer != 0;
  if (!hook || (!live->roots() && live->roots().why().code == error_code::not_instrumented))
    return open_without_hook(pid, tell, std::move(seen),
                             is_held ? stop_order::whom::let_run : stop_order::whom::who_runs);
  if (!live->roots()) return live->roots().why();
  if (is_held) return open_direct(std::move(live));
  auto facts = facts_now(pid);
  auto threads = live->threads();
  auto copied = take_picture(*live, stop_order::whom::who_runs);
  if (!copied) {
    auto why = copied.why();
    // What is advised to those who can do without a copy.
    if (why.next_step.empty() || why.next_step.find("--no-prove") != std::string::npos)
      why.next_step = "leave out --locals: values are read from a copy of its memory";
    return why;
  }
  copied->image.forget_spare_room();
  auto taken = std::make_shared<const picture>(*std::move(copied));
  return open_still(still_target(std::move(live), std::move(taken), std::move(threads)), std::move(facts));
}

locals_survey::locals_survey(target& from)
    : from_(from), program_(from.bytes(), from.code()), values_(program_, from.bytes()) {
  registry_reader registries(from.bytes(), *from.roots());
  static_cast<void>(registries.walk({}, 0, [this](const target_task& each) {
    const auto depth = std::min<std::size_t>(each.depth, each.frames.size());
    tasks_.push_back({each.id, frames_.size(), depth, detail::state_of(each.word) == detail::task_state::running});
    frames_.insert(frames_.end(), each.frames.begin(), each.frames.begin() + static_cast<std::ptrdiff_t>(depth));
  }));
  std::ranges::sort(tasks_, {}, &frames_of_task::id);
}

std::optional<std::string> locals_survey::missing() {
  if (frames_.empty() || std::ranges::any_of(frames_, [this](std::uint64_t each) { return values_.knows(each); }))
    return std::nullopt;
  const auto subject = from_.is_alive() ? subject_of(from_.pid()) : std::string("core");
  const std::string_view fact =
      program_.code.has_coroutines()
          ? "no values of locals: it has no debug information of types (install its debug symbols, or build it with -g)"
          : "no values of locals: without symbols its coroutines are not known (install its debug symbols)";
  return fmt::format("{}: {}", subject, fact);
}

std::vector<frame_value> locals_survey::of(std::uint64_t task, std::size_t number) {
  const auto known = std::ranges::lower_bound(tasks_, task, {}, &frames_of_task::id);
  if (known == tasks_.end() || known->id != task || number >= known->depth) return {};
  // What runs has gone on since its suspend point.
  if (number == 0 && known->runs) return {};
  const auto state = number == 0 && !from_.has_hook() ? frame_values::state::unless_not_asio  //
                                                      : frame_values::state::suspended;
  return values_.of(frames_[known->first + known->depth - 1 - number], state);
}

}  // namespace tasks::cli
