#include "hookless/other_chains.hpp"

#include <algorithm>

namespace tasks::cli {
namespace {

constexpr auto nobody = other_stack::nobody;
/// Words of a promise that are looked at.
constexpr std::uint64_t largest_promise = 4096;

bool is_other(const coroutine_frame& frame) { return frame.layout->is_known && !frame.layout->is_asio; }

/// Whom a frame goes on with.
std::uint32_t next_of(const memory_image& image, const frame_scan& scan, std::uint32_t i) {
  const auto& frames = scan.frames();
  const auto& frame = frames[i];
  const auto size = std::min(frame.layout->promise_size, largest_promise);
  auto into = nobody;
  for (std::uint64_t at = 0; at + 8 <= size; at += 8) {
    const auto word = image.word(frame.promise() + at);
    if (const auto next = scan.at(word); next != frame_scan::none && next != i) return next;
    if (into != nobody) continue;
    const auto around = scan.around(word);
    if (around != frame_scan::none && around != i && is_other(frames[around])) into = around;
  }
  return into;
}

}  // namespace

std::vector<other_stack> find_other_stacks(const memory_image& image, const frame_scan& scan) {
  const auto& frames = scan.frames();
  std::vector<std::uint32_t> next(frames.size(), nobody), before(frames.size(), 0), stack_of(frames.size(), nobody);
  for (std::uint32_t i = 0; i < frames.size(); ++i) {
    if (!is_other(frames[i])) continue;
    next[i] = next_of(image, scan, i);
    if (next[i] != nobody) ++before[next[i]];
  }
  std::vector<other_stack> stacks;
  for (std::uint32_t i = 0; i < frames.size(); ++i) {
    // What goes round has no innermost one, and is none.
    if (!is_other(frames[i]) || before[i] == 1) continue;
    auto& made = stacks.emplace_back();
    made.waits_for_others = before[i] > 1;
    for (auto at = i; at != nobody && is_other(frames[at]) && stack_of[at] == nobody; at = next[at]) {
      if (at != i && before[at] > 1) break;
      stack_of[at] = static_cast<std::uint32_t>(stacks.size() - 1);
      made.frames.push_back(at);
    }
  }
  for (auto& each : stacks)
    if (const auto by = next[each.frames.back()]; by != nobody && stack_of[by] != nobody && before[by] > 1)
      each.awaited_by = stack_of[by];
  return stacks;
}

}  // namespace tasks::cli
