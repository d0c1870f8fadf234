#include "proof/scene.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "picture/descriptor_padding.hpp"
#include "picture/reused_memory.hpp"
#include "picture/unset_results.hpp"
#include "symbols/code_symbols.hpp"
#include "symbols/stack_variables.hpp"

namespace tasks::cli {
namespace {

/// What of `all` is in none of `ranges`, which are sorted and disjoint.
std::vector<range> parts_beside(const std::vector<range>& ranges, range all) {
  std::vector<range> parts;
  for (const auto& each : ranges) {
    if (each.end <= all.begin || each.begin >= all.end) continue;
    if (all.begin < each.begin) parts.push_back({all.begin, each.begin});
    all.begin = each.end;
  }
  if (all.begin < all.end) parts.push_back(all);
  return parts;
}

}  // namespace

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

bool scene::has_headers() const noexcept {
  return std::all_of(roots_.begin(), roots_.end(), [](const root_copy& root) { return root.has_headers; });
}

void scene::look_closer() {
  if (std::exchange(has_looked_, true)) return;
  allocators_ = find_glibc_heaps(taken_.image, taken_.threads, heap_);
  for (const auto block : taken_.words.recycled)
    if (const auto o = heap_.at_header(block - heap_map::header); o != heap_map::none && !heap_.is_free(o)) {
      heap_.set_free(o);
      recycled_.push_back(o);
    }
  for (const auto& offsets : offsets_of(roots_)) {
    auto& list = channels_.emplace_back(taken_.image, heap_, offsets);
    for (const auto& task : tasks_.tasks)
      if (is_channel(task.waits_for)) static_cast<void>(list.verify(task.object));
  }
  for (const auto& task : tasks_.tasks)
    if (task.waits_for == layout::wait_kind::timer && task.object != 0) static_cast<void>(timers_.verify(task.object));
}

const std::vector<held_variable>& scene::variables() {
  if (variables_) return *variables_;
  auto& found = variables_.emplace();
  stack_variables told(code(), reader_of(image()));
  const auto used = stacks();
  const auto is_used = [&](const range& at) {
    return std::any_of(used.begin(), used.end(),
                       [&](const range& stack) { return stack.contains(at.begin) && at.end <= stack.end; });
  };
  const auto& unused = words().unused;
  const auto is_dead = [&](const range& at) {
    return std::any_of(unused.begin(), unused.end(),
                       [&](const range& dead) { return dead.begin < at.end && at.begin < dead.end; });
  };
  for (std::size_t i = 0; i < words().frames.size(); ++i) {
    for (const auto& frame : words().frames[i]) {
      for (auto& each : told.of(frame)) {
        const range at{each.begin, each.end};
        const bool in_memory = at.begin != at.end;
        if (in_memory && !each.is_saved_register && (!is_used(at) || is_dead(at))) continue;
        if (!in_memory) {
          found.push_back({threads()[i].tid, std::move(each.name), at, each.value});
          continue;
        }
        for (const auto& part : parts_beside(words().recycled_slots, at))
          found.push_back({threads()[i].tid, each.name, part, each.value});
      }
    }
  }
  return found;
}

std::vector<range> scene::stacks() const {
  std::vector<range> found;
  for (std::size_t i = 0; i < threads().size(); ++i) {
    const auto& thread = threads()[i];
    const auto* area = image().area_of(thread.stack_pointer);
    if (area == nullptr) continue;
    const bool holds_storage = area->contains(thread.thread_pointer) && thread.thread_pointer > thread.stack_pointer;
    auto end = holds_storage ? thread.thread_pointer : area->end;
    // Between the frame of the thread's first function and the thread pointer lies its thread-local storage.
    if (words().ends[i] > thread.stack_pointer) end = std::min(end, words().ends[i]);
    found.push_back({std::max(area->begin, thread.stack_pointer - red_zone), end});
  }
  unite(found);
  return found;
}

void scene::erase_links() {
  if (std::exchange(has_erased_, true)) return;
  erase_behind_frames();
  erase_unset_results(taken_.image, heap_, code());
  erase_descriptor_padding(taken_.image, heap_, code());
  unaligned_ = erase_unread_words(taken_.image, tasks_, code(), functions_that_run());
  for (const auto link : allocators_.links) taken_.image.erase(link);
  for (const auto& list : channels_)
    for (const auto link : list.links()) taken_.image.erase(link);
  for (const auto link : timers_.links()) taken_.image.erase(link);
}

/// Of frames whose size the hook has written down.
void scene::erase_behind_frames() {
  if (!has_headers()) return;
  constexpr auto before = sizeof(layout::frame_header);
  for (const auto frame : tasks_.frames) {
    const auto header = image().word(frame - before);
    if (static_cast<std::uint32_t>(header) == layout::frame_magic)
      erase_behind(taken_.image, heap_, frame - before, before + (header >> 32));
  }
}

/// Without the hook a task that seems to wait may run again: then a thread is in one of its coroutines.
std::optional<std::vector<std::string>> scene::functions_that_run() {
  std::vector<std::string> found;
  if (has_headers()) return found;
  const auto& ends = words().ends;
  if (std::find(ends.begin(), ends.end(), 0) != ends.end()) return std::nullopt;
  for (const auto& frames : words().frames)
    for (const auto& each : frames) {
      auto symbol = symbol_near(code(), each.address);
      if (!symbol) return std::nullopt;
      found.push_back(std::move(symbol->name));
    }
  return found;
}

}  // namespace tasks::cli
