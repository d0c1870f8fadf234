#include "proof/scene.hpp"

#include <utility>

namespace tasks::cli {

std::vector<root_copy> read_again(const memory& from, const std::vector<root_copy>& roots) {
  std::vector<root_copy> now;
  for (const auto& root : roots) {
    root_copy copy;
    if (read_root(from, root.address, copy) == 0) now.push_back(std::move(copy));
  }
  return now;
}

scene::scene(picture& taken)
    : taken_(taken),
      roots_(read_again(taken.image, taken.roots)),
      tasks_(read_tasks(taken.image, roots_)),
      timers_(taken.image, heap_) {}

void scene::look_closer() {
  if (std::exchange(has_looked_, true)) return;
  allocators_ = find_glibc_heaps(taken_.image, taken_.threads, heap_);
  for (const auto block : taken_.words.recycled)
    if (const auto o = heap_.at_header(block - heap_map::header); o != heap_map::none) heap_.set_free(o);
  for (const auto& offsets : offsets_of(roots_)) {
    auto& list = channels_.emplace_back(taken_.image, heap_, offsets);
    for (const auto& task : tasks_.tasks)
      if (is_channel(task.waits_for)) static_cast<void>(list.verify(task.object));
  }
  for (const auto& task : tasks_.tasks)
    if (task.waits_for == layout::wait_kind::timer && task.object != 0) static_cast<void>(timers_.verify(task.object));
}

void scene::erase_links() {
  if (std::exchange(has_erased_, true)) return;
  for (const auto link : allocators_.links) taken_.image.erase(link);
  for (const auto& list : channels_)
    for (const auto link : list.links()) taken_.image.erase(link);
  for (const auto link : timers_.links()) taken_.image.erase(link);
}

}  // namespace tasks::cli
