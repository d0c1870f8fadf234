#include "proof/unread_words.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "coroutines/program.hpp"
#include "coroutines/suspended_frame.hpp"
#include "coroutines/unread_members.hpp"
#include "symbols/executor_tables.hpp"

namespace tasks::cli {
namespace {

class frame_eraser {
 public:
  frame_eraser(memory_image& image, modules& code, const std::optional<std::vector<std::string>>& may_run)
      : image_(image), program_(image, code), finder_(program_, code), tables_(code), may_run_(may_run) {}

  void look_at(std::uint64_t frame, bool is_suspended) {
    const auto* body = body_of_frame(program_, image_, frame);
    if (!body) return;
    for (const auto& each : finder_.always(*body).unaligned)
      unaligned_[frame].push_back({frame + each.begin, frame + each.end});
    if (is_suspended && !runs(*body)) erase_in(frame, *body);
  }
  [[nodiscard]] unaligned_parts unaligned() && { return std::move(unaligned_); }

 private:
  void erase_in(std::uint64_t frame, const coroutine_body& body) {
    const auto suspended = suspended_at(program_, body, image_, frame);
    if (!suspended) return;
    const auto& unread = finder_.at(body, *suspended->layout, suspended->index);
    for (const auto& each : unread.dead) erase(frame, each);
    for (const auto& each : unread.optional)
      if (const auto* there = image_.at(frame + each.is_there, 1); there && *there == 0) erase(frame, each.at);
    for (const auto& each : unread.executors)
      if (const auto used = tables_.room_used(image_.word(frame + each.functions)))
        erase(frame, {std::min(each.room.begin + *used, each.room.end), each.room.end});
    for (const auto& each : unread.padded) image_.erase(frame + each.at, each.kept);
  }

  void erase(std::uint64_t frame, type_part part) { image_.erase(range{frame + part.begin, frame + part.end}); }

  bool runs(const coroutine_body& body) const {
    return !may_run_ || std::ranges::any_of(*may_run_, [&](const std::string& each) {
      return each.find(body.symbol) != std::string::npos;
    });
  }

  memory_image& image_;
  coroutine_program program_;
  unread_member_finder finder_;
  executor_tables tables_;
  const std::optional<std::vector<std::string>>& may_run_;
  unaligned_parts unaligned_;
};

/// Its frames are suspended, all of them.
bool is_suspended(const seen_task& task) { return task.unnamed || task.waits_for != tasks::layout::wait_kind::none; }

}  // namespace

unaligned_parts erase_unread_words(memory_image& image, const seen_tasks& tasks, modules& code,
                                   const std::optional<std::vector<std::string>>& may_run) {
  frame_eraser eraser(image, code, may_run);
  for (const auto& task : tasks.tasks)
    for (std::uint32_t i = 0; i < task.frames; ++i)
      eraser.look_at(tasks.frames[task.first_frame + i], is_suspended(task));
  return std::move(eraser).unaligned();
}

}  // namespace tasks::cli
