#include "surveys/deaths.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "base/words.hpp"
#include "surveys/recorded_facts.hpp"

namespace tasks::cli {

bool is_in_task(const native_stack& stack) {
  return std::any_of(stack.frames.begin(), stack.frames.end(), [](const auto& frame) { return frame.resumes_task; });
}

std::optional<surveyed_death> survey_death(snapshot_source& source) {
  if (const auto* then = source.recorded(); then != nullptr && then->has_death()) return from_message(then->death());
  auto* from = source.from();
  const auto how = from != nullptr ? from->ended_by() : std::nullopt;
  if (!how) return std::nullopt;
  surveyed_death death{*how, std::nullopt, false, std::nullopt};
  const auto tid = static_cast<std::uint32_t>(how->tid);
  const auto running = read_running(source);
  if (running)
    if (const auto* task = running_on(*running, tid)) death.task = *task;
  const auto stack = native_stacks(from->code(), from->names()).of(how->tid);
  if (const auto* frame = innermost_user_frame(stack)) death.frame = *frame;
  if (!death.task && is_in_task(stack)) {
    death.task = read_starting(*from, tid);
    death.starts = death.task.has_value();
  }
  return death;
}

std::string in_words(const surveyed_death& death) {
  auto text = "ended by " + signal_name(death.how.signal);
  if (death.how.address) text += fmt::format(" at address {:#x}", *death.how.address);
  text += fmt::format(", in thread {}", death.how.tid);
  if (death.task)
    text += fmt::format(", which {} task {}", death.starts ? "started an operation of" : "ran", death.task->id);
  if (death.frame) {
    text += ": " + death.frame->function;
    if (!death.frame->file.empty()) text += fmt::format("  {}:{}", base_name(death.frame->file), death.frame->line);
  }
  return text;
}

}  // namespace tasks::cli
