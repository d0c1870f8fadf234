#include "picture/thread_blocks.hpp"

#include <algorithm>
#include <set>

namespace tasks::cli {
namespace {

/// Of struct pthread, in which the bounds are looked for. The thread pointer points to its begin, on aarch64 to its end
/// (Drepper, "ELF Handling For Thread-Local Storage", variant I).
constexpr std::uint64_t descriptor_size = 4096;
#if defined(__aarch64__)
constexpr std::uint64_t descriptor_below = descriptor_size;
#else
constexpr std::uint64_t descriptor_below = 0;
#endif

/// {address of the block, its size, of it the guard} at that address; nothing: this is none.
std::optional<thread_block> read_block(const memory_image& image, std::uint64_t at, std::uint64_t thread_pointer) {
  const auto block = image.word(at), size = image.word(at + 8), guard = image.word(at + 16);
  if (block == 0 || block % page_size != 0 || size == 0 || size % page_size != 0 || guard % page_size != 0 ||
      guard >= size)
    return std::nullopt;
  const thread_block made{{block + guard, block + size}, guard, thread_pointer, at};
  if (made.stack.end < block || !made.stack.contains(thread_pointer)) return std::nullopt;
  return made;
}

std::int32_t id_at(const memory_image& image, std::uint64_t at) {
  return static_cast<std::int32_t>(image.word(at / 8 * 8) >> (at % 8 * 8));
}

#if defined(__x86_64__)
constexpr bool is_told_by_itself = true;
/// Where glibc has the number of a thread, behind 704 bytes of which generated code knows, and two links: in each
/// version so far. In a container that may be 1, which others of its words are, too.
constexpr std::uint64_t usual_place_of_number = 0x2d0;
/// The `struct pthread` has its own address in its first and in its third word.
bool is_thread_pointer(const memory_image& image, std::uint64_t at) {
  return image.word(at) == at && image.word(at + 16) == at;
}
/// Of a thread that was left asleep.
std::uint64_t find_thread_pointer(const memory_image& image, const thread_registers& thread) {
  constexpr std::uint64_t alignment = 64, most = 1U << 20U;
  const auto* area = image.area_of(thread.stack_pointer);
  if (area == nullptr || !area->is_anonymous()) return 0;
  const auto end = std::min(area->end, thread.stack_pointer + most);
  for (auto at = (thread.stack_pointer + alignment - 1) / alignment * alignment; at < end; at += alignment)
    if (is_thread_pointer(image, at)) return at;
  return 0;
}
#else
constexpr bool is_told_by_itself = false;
constexpr std::uint64_t usual_place_of_number = 0;
bool is_thread_pointer(const memory_image&, std::uint64_t) { return true; }
std::uint64_t find_thread_pointer(const memory_image&, const thread_registers&) { return 0; }
#endif

/// As the thread's own descriptor has it.
std::uint32_t number_of(const thread_registers& thread) {
  return thread.inner_tid != 0 ? thread.inner_tid : thread.tid;
}

/// How the blocks of this process are made, by those of threads that are there.
class block_shapes {
 public:
  block_shapes(const memory_image& image, const std::vector<thread_registers>& threads) : image_(image) {
    for (auto thread : threads) {
      if (thread.thread_pointer == 0) thread.thread_pointer = find_thread_pointer(image, thread);
      if (const auto block = block_of(image, thread); block && block->guard != 0) learn(*block, number_of(thread));
    }
    if (has_learnt_ || !is_told_by_itself) return;
    // All others have ended: the first one has such a descriptor, too, but in no block.
    for (const auto& thread : threads)
      if (const auto pointer = pointer_of(thread); pointer != 0) learn_numbers(pointer, number_of(thread));
    // And the blocks that are found tell how all are made.
    if (!numbers_.empty())
      for (const auto& area : image.areas())
        if (const auto block = ended_at_begin_of(area)) learn_shape(*block);
  }

  /// The block of a thread that has ended, of which the area would be the stack.
  [[nodiscard]] std::optional<thread_block> ended_in(const memory_area& area) const {
    if (numbers_.empty() || !area.is_anonymous() || !area.writable || area.shared) return std::nullopt;
    for (const auto& each : shapes_) {
      for (const auto end : {area.begin + each.size, area.end}) {
        const auto thread_pointer = end - each.storage;
        if (end > area.end || thread_pointer <= area.begin || !is_thread_pointer(image_, thread_pointer)) continue;
        const auto block = read_block(image_, thread_pointer + each.said_at, thread_pointer);
        if (block && block->guard != 0 && block->stack.begin == area.begin && block->stack.end == end &&
            has_ended(*block))
          return block;
      }
    }
    return std::nullopt;
  }

 private:
  struct shape {
    std::uint64_t size, storage;  ///< of the stack; from the thread pointer to its end
    std::uint64_t said_at;        ///< from the thread pointer on, modulo 2^64
    auto operator<=>(const shape&) const = default;
  };

  /// Of the first thread, whose descriptor the loader has made, before there were any others. 0: not known.
  [[nodiscard]] std::uint64_t pointer_of(const thread_registers& thread) const {
    constexpr std::uint64_t alignment = 64, most = 1U << 20U;
    if (thread.thread_pointer != 0) return is_thread_pointer(image_, thread.thread_pointer) ? thread.thread_pointer : 0;
    for (const auto& area : image_.areas()) {
      if (!area.is_anonymous() || !area.writable || area.end - area.begin > most) continue;
      for (auto at = area.begin; at < area.end; at += alignment)
        if (is_thread_pointer(image_, at) && has_number(at, number_of(thread))) return at;
    }
    return 0;
  }

  [[nodiscard]] bool has_number(std::uint64_t thread_pointer, std::uint32_t tid) const {
    for (std::uint64_t i = 0; i < descriptor_size; i += 4)
      if (id_at(image_, thread_pointer + i) == static_cast<std::int32_t>(tid)) return true;
    return false;
  }

  /// Without another to go by: the descriptor says which block it is in, to the byte. Only of stacks that are not
  /// larger than twice what is usual.
  [[nodiscard]] std::optional<thread_block> ended_at_begin_of(const memory_area& area) const {
    constexpr std::uint64_t alignment = 64, most = 16U << 20U;
    if (!area.is_anonymous() || !area.writable || area.shared) return std::nullopt;
    const auto last = std::min(area.end, area.begin + most);
    for (auto pointer = area.begin; pointer < last; pointer += alignment) {
      if (!is_thread_pointer(image_, pointer)) continue;
      for (auto at = pointer; at + 24 <= std::min(area.end, pointer + descriptor_size); at += 8) {
        const auto block = read_block(image_, at, pointer);
        if (block && block->guard != 0 && block->stack.begin == area.begin && block->stack.end <= area.end &&
            has_ended(*block))
          return block;
      }
    }
    return std::nullopt;
  }

  void learn(const thread_block& block, std::uint32_t tid) {
    learn_shape(block);
    learn_numbers(block.thread_pointer, tid);
  }

  void learn_shape(const thread_block& block) {
    const auto& stack = block.stack;
    shapes_.insert({stack.end - stack.begin, stack.end - block.thread_pointer, block.said_at - block.thread_pointer});
  }

  void learn_numbers(std::uint64_t thread_pointer, std::uint32_t tid) {
    std::set<std::uint64_t> found;
    if (is_told_by_itself && id_at(image_, thread_pointer + usual_place_of_number) == static_cast<std::int32_t>(tid)) {
      has_learnt_ = true;
      numbers_ = {usual_place_of_number};
      return;
    }
    for (std::uint64_t i = 0; i < descriptor_size; i += 4)
      if (id_at(image_, thread_pointer - descriptor_below + i) == static_cast<std::int32_t>(tid))
        found.insert(i - descriptor_below);
    if (has_learnt_) std::erase_if(found, [&](auto each) { return !numbers_.contains(each); });
    has_learnt_ = true;
    numbers_ = std::move(found);
  }

  [[nodiscard]] bool has_ended(const thread_block& block) const {
    return std::all_of(numbers_.begin(), numbers_.end(),
                       [&](auto each) { return id_at(image_, block.thread_pointer + each) <= 0; });
  }

  const memory_image& image_;
  std::set<shape> shapes_;
  std::set<std::uint64_t> numbers_;  ///< where each thread has its id, from the thread pointer on; empty: not known
  bool has_learnt_ = false;
};

}  // namespace

std::optional<thread_block> block_of(const memory_image& image, const thread_registers& thread) {
  const auto sp = thread.stack_pointer, tp = thread.thread_pointer;
  if (image.area_of(sp) == nullptr || tp % 8 != 0 || tp <= sp) return std::nullopt;
  const auto begin = std::max(tp - std::min(tp, descriptor_below), sp / 8 * 8);
  for (auto at = begin; at < tp - descriptor_below + descriptor_size; at += 8)
    if (const auto block = read_block(image, at, tp); block && block->stack.contains(sp)) return block;
  return std::nullopt;
}

std::vector<range> stacks_of_ended_threads(const memory_image& image, const std::vector<thread_registers>& threads) {
  std::vector<range> found;
  const block_shapes shapes(image, threads);
  for (const auto& area : image.areas()) {
    const auto block = shapes.ended_in(area);
    const auto is_in_it = [&](const thread_registers& thread) { return block->stack.contains(thread.stack_pointer); };
    if (block && std::none_of(threads.begin(), threads.end(), is_in_it))
      found.push_back({block->stack.begin, block->thread_pointer - descriptor_below});
  }
  return found;
}

}  // namespace tasks::cli
