#include "hookless/task_chains.hpp"

namespace tasks::cli {

task_chains::task_chains(const memory_image& image, frame_scan& scan) {
  auto& frames = scan.frames();
  // Each frame is in one chain at most: spans point into it.
  links_.reserve(2 * frames.size());
  met_by_.resize(frames.size());
  for (std::uint32_t i = 0; i < frames.size(); ++i) {
    const auto& entry = frames[i];
    // Without a top it has ended.
    if (!entry.layout->is_entry || entry.caller != 0 || entry.top_of_stack == 0) continue;
    const auto begin = links_.size();
    if (!follow(scan, i)) {
      ++broken_;
      continue;
    }
    task_chain task;
    task.entry = i;
    task.frames = {links_.data() + begin, links_.size() - begin};
    task.thread = frames[task.frames.front()].attached_thread;
    task.runs = task.thread != 0 && image.word(task.thread) == entry.promise();
    for (const auto frame : task.frames) frames[frame].task = static_cast<std::uint32_t>(tasks_.size());
    tasks_.push_back(task);
  }
  for (std::uint32_t i = 0; i < frames.size(); ++i) {
    const auto& frame = frames[i];
    const std::uint64_t first = frame.body->is_gnu ? 2 : 0;
    if (frame.task == frame_scan::none && frame.layout->is_asio && frame.caller == 0 && frame.index == first)
      not_awaited_.push_back(i);
  }
}

/// Adds the links of a chain that leads back to its entry point, innermost first; else none.
bool task_chains::follow(const frame_scan& scan, std::uint32_t entry) {
  const auto& frames = scan.frames();
  const auto begin = links_.size();
  auto promise = frames[entry].top_of_stack;
  for (;;) {
    const auto i = promise == frames[entry].promise() ? entry : scan.of_promise(promise);
    // Those that are met again go round.
    if (i == frame_scan::none || frames[i].task != frame_scan::none || met_by_[i] == entry + 1) break;
    met_by_[i] = entry + 1;
    links_.push_back(i);
    if (i == entry) return true;
    promise = frames[i].caller;
  }
  links_.resize(begin);
  return false;
}

}  // namespace tasks::cli
