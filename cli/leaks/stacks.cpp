#include "stacks.hpp"

#include <algorithm>
#include <optional>

namespace tasks::cli::leaks {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t red_zone = 128;
/// Of struct pthread, in which the stack's bounds are looked for.
constexpr std::uint64_t descriptor_size = 4096;

/// {address of the stack's block, its size, of it the guard} in the thread's descriptor, to which the thread pointer
/// points and which lies in the block itself.
std::optional<range> pthread_stack(const memory_image& image, const thread_registers& thread) {
  const auto sp = thread.stack_pointer, tp = thread.thread_pointer;
  const auto* area = image.area_of(sp);
  if (area == nullptr || tp % 8 != 0 || tp <= sp) return std::nullopt;
  for (auto at = tp; at < tp + descriptor_size; at += 8) {
    const auto block = image.word(at), size = image.word(at + 8), guard = image.word(at + 16);
    if (block == 0 || block % page != 0 || size == 0 || size % page != 0 || guard % page != 0 || guard >= size)
      continue;
    const range stack{block + guard, block + size};
    if (stack.end < block || !stack.contains(sp) || !stack.contains(tp)) continue;
    if (stack.begin < area->begin || stack.end > area->end) return std::nullopt;
    return stack;
  }
  return std::nullopt;
}

}  // namespace

std::vector<range> unused_stacks(const memory_image& image, const std::vector<thread_registers>& threads) {
  std::vector<range> unused;
  for (const auto& thread : threads) {
    const auto* area = image.area_of(thread.stack_pointer);
    if (area == nullptr) continue;
    const auto stack = area->path == "[stack]" ? std::optional<range>(*area) : pthread_stack(image, thread);
    if (!stack || thread.stack_pointer - stack->begin <= red_zone) continue;
    // Words that begin below it and reach into it count.
    unused.push_back({stack->begin, (thread.stack_pointer - red_zone) / 8 * 8});
  }
  std::sort(unused.begin(), unused.end(), [](const range& a, const range& b) { return a.begin < b.begin; });
  return unused;
}

}  // namespace tasks::cli::leaks
