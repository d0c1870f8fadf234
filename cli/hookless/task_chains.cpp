#include "hookless/task_chains.hpp"

#include <algorithm>
#include <utility>

namespace tasks::cli {
namespace {

/// What callers lead to that is no frame, or nothing but a circle.
constexpr std::uint32_t nowhere = frame_scan::none - 1;

}  // namespace

task_chains::task_chains(const memory_image& image, frame_scan& scan) {
  auto& frames = scan.frames();
  const auto may_be_entry = [](const coroutine_frame& each) { return each.layout->is_entry && each.caller == 0; };
  tasks_.reserve(static_cast<std::size_t>(std::count_if(frames.begin(), frames.end(), may_be_entry)));
  // Each frame is in one chain at most, and one search more meets each once: spans point into it.
  links_.reserve(2 * frames.size() + 1);
  leads_to_.assign(frames.size(), frame_scan::none);
  for (std::uint32_t i = 0; i < frames.size(); ++i) {
    const auto& entry = frames[i];
    if (!may_be_entry(entry)) continue;
    auto top = entry.top_of_stack(image);
    if (top == 0) continue;  // it has ended
    const auto begin = links_.size();
    const auto ending = scan.of_promise(top) == frame_scan::none ? scan.ending_of_promise(top) : std::nullopt;
    if (ending) top = ending->caller;
    if (!follow(top, scan, i)) {
      broken_.push_back(i);
      continue;
    }
    task_chain task;
    task.entry = i;
    task.frames = {links_.data() + begin, links_.size() - begin};
    const auto& innermost = frames[task.frames.front()];
    task.thread = ending ? ending->thread : 0;
    if (task.thread == 0) task.thread = image.word(innermost.at + innermost.layout->attached_thread);
    task.runs = task.thread != 0 && image.word(task.thread) == entry.promise();
    for (const auto frame : task.frames) frames[frame].task = static_cast<std::uint32_t>(tasks_.size());
    tasks_.push_back(task);
  }
  for (std::uint32_t i = 0; i < frames.size(); ++i) {
    const auto& frame = frames[i];
    const auto& layout = *frame.layout;
    if (frame.task != frame_scan::none || !layout.is_asio || layout.is_entry || frame.caller != 0) continue;
    const std::uint64_t first = frame.body->is_gnu ? 2 : 0;
    if (frame.index == first) not_awaited_.push_back(i);
  }
  leads_to_ = {};
}

/// Adds the links of a chain from the top of a stack that leads back to its entry point, innermost first; else none.
/// Frames of a chain that does not are gone through twice at most, however many entry points lead into it.
bool task_chains::follow(std::uint64_t top, const frame_scan& scan, std::uint32_t entry) {
  const auto& frames = scan.frames();
  const auto begin = links_.size();
  auto end = nowhere;
  for (auto promise = top; links_.size() - begin <= frames.size();) {
    const auto i = promise == frames[entry].promise() ? entry : scan.of_promise(promise);
    if (i == frame_scan::none || frames[i].task != frame_scan::none) break;
    if (leads_to_[i] != frame_scan::none && leads_to_[i] != entry) {
      end = leads_to_[i];
      break;
    }
    links_.push_back(i);
    if (i == entry) return true;
    if (frames[i].caller == 0) {
      end = i;
      break;
    }
    promise = frames[i].caller;
  }
  for (auto i = begin; i < links_.size(); ++i) leads_to_[links_[i]] = end;
  links_.resize(begin);
  return false;
}

}  // namespace tasks::cli
