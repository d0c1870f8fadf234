#include "registry/call_paths.hpp"

#include <sys/mman.h>
#include <unwind.h>

namespace tasks::detail {
namespace {

using layout::call_site;

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;

std::uint64_t word_below(std::uint64_t address) noexcept {
  return *reinterpret_cast<const std::uint64_t*>(address - sizeof(std::uint64_t));
}

std::atomic<call_site*>& innermost_calls(layout::registry& home, std::uint64_t pc) noexcept {
  return home.innermost_calls[(pc >> 2) % layout::call_buckets];
}

/// The site of `pc` in a list; null: it is not there.
call_site* find(const std::atomic<call_site*>& list, std::uint64_t pc) noexcept {
  call_site* site = list.load(acquire);
  while (site != nullptr && load(site->pc) != pc) site = site->sibling.load(acquire);
  return site;
}

/// A new site, which is never given back. Null: no memory, or there are as many as there may be.
call_site* allocate(layout::registry& home) noexcept {
  if (home.call_sites.load(relaxed) >= layout::most_call_sites) return nullptr;
  const auto index = home.call_sites.fetch_add(1, relaxed);
  if (index >= layout::most_call_sites) return nullptr;
  auto& chunk = home.call_chunks[index / layout::chunk_call_sites];
  call_site* sites = chunk.load(acquire);
  if (sites == nullptr) {
    constexpr auto size = layout::chunk_call_sites * sizeof(call_site);
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    if (chunk.compare_exchange_strong(sites, static_cast<call_site*>(memory), std::memory_order_acq_rel))
      sites = static_cast<call_site*>(memory);
    else
      munmap(memory, size);  // another thread was first
  }
  return sites + index % layout::chunk_call_sites;
}

/// The site of `pc` in a list, added where it is not there. Null: no memory.
call_site* find_or_add(layout::registry& home, std::atomic<call_site*>& list, std::uint64_t pc,
                       const call_site* inner) noexcept {
  if (call_site* known = find(list, pc)) return known;
  call_site* made = allocate(home);
  if (made == nullptr) return nullptr;
  store(made->pc, pc);
  store(made->inner, address(inner));
  call_site* head = list.load(acquire);
  do {
    made->sibling.store(head, relaxed);
    // Added twice by two threads, one of them is never found: a few bytes, once.
  } while (!list.compare_exchange_weak(head, made, std::memory_order_acq_rel, acquire));
  return made;
}

/// The first instruction of the coroutine that runs on this thread; 0: none does, or it is not at hand.
std::uint64_t running_coroutine() noexcept {
  const record* task = this_thread.current;
  if (task == nullptr) return 0;
  const auto word = load(task->word);
  const auto depth = layout::depth_of(word);
  // Only a task that runs here cannot be resumed, or destroyed, elsewhere meanwhile.
  if (layout::state_of(word) != record_state::running || task->thread.load(acquire) != this_thread.tid) return 0;
  if (depth < 1 || depth > layout::inline_entries) return 0;
  const auto frame = load(task->stack[depth - 1].frame);
  return frame == 0 ? 0 : *reinterpret_cast<const std::uint64_t*>(frame);  // it begins with the address of its code
}

/// Does the stack of this thread reach from one address to the other? What was unwound before tells; no: not known.
bool stack_holds(std::uint64_t from, std::uint64_t to) noexcept {
  return from >= this_thread.stack_low && to <= this_thread.stack_high;
}

/// Remembers that it does. Of a fibre's stack and its thread's the one that was seen last is known.
void note_stack(std::uint64_t from, std::uint64_t to) noexcept {
  thread_state& t = this_thread;
  const bool same = from <= t.stack_high && to >= t.stack_low;
  t.stack_low = same && t.stack_low < from ? t.stack_low : from;
  t.stack_high = same && t.stack_high > to ? t.stack_high : to;
}

struct unwinding {
  layout::registry& home;
  std::uint64_t frame;      ///< where the path begins
  std::uint64_t coroutine;  ///< where it may end
  call_site* last = nullptr;
  std::uint64_t top = 0;         ///< how far the stack was seen to reach
  std::uint64_t frame_base = 0;  ///< rbp in the frame of `last`
  std::size_t calls = 0;
  bool whole = false;
};

constexpr int dwarf_rbp = 6;  // System V ABI for x86-64, figure 3.36

/// Called for each frame, from the innermost one outwards. See "DWARF Debugging Information Format" 5, 6.4, and the
/// System V ABI for x86-64, 3.2.2: what _Unwind_GetCFA() says of a frame lies right above its return address's place
/// in the frame that it called.
_Unwind_Reason_Code add_call(_Unwind_Context* context, void* to) {
  auto& path = *static_cast<unwinding*>(to);
  const auto pc = static_cast<std::uint64_t>(_Unwind_GetIP(context));
  const auto top = static_cast<std::uint64_t>(_Unwind_GetCFA(context));
  if (path.calls == 0 && top != path.frame) return _URC_NO_REASON;  // ours
  if (pc == 0 || top < path.frame || word_below(top) != pc) return _URC_END_OF_STACK;
  auto* list = &innermost_calls(path.home, pc);
  if (path.last != nullptr) {
    // What has no constant distance from one time to the next ends the path: a frame of variable size.
    // One with a frame pointer may be: its CFA is rbp + 16, whatever alloca(3) put below.
    auto distance = top - path.frame;
    if (path.frame_base + 16 == top) distance |= layout::may_vary;
    const auto known = load(path.last->distance);
    if (known != 0 && known != distance) {
      store(path.last->distance, layout::no_distance);
      return _URC_END_OF_STACK;
    }
    store(path.last->distance, distance);
    list = &path.last->outer;
  }
  call_site* site = find_or_add(path.home, *list, pc, path.last);
  if (site == nullptr) return _URC_END_OF_STACK;
  path.top = top;
  path.frame_base = static_cast<std::uint64_t>(_Unwind_GetGR(context, dwarf_rbp));
  path.last = site;
  ++path.calls;
  // Who resumed the spawning coroutine is of no interest.
  const bool is_coroutine = path.coroutine != 0 && _Unwind_GetRegionStart(context) == path.coroutine;
  if (is_coroutine || path.calls == layout::longest_call_path) store(site->distance, layout::no_distance);
  path.whole = load(site->distance) == layout::no_distance;
  return path.whole ? _URC_END_OF_STACK : _URC_NO_REASON;
}

#if defined(__x86_64__)

[[gnu::noinline, gnu::cold]] std::uint64_t unwind(layout::registry& home, std::uint64_t frame) noexcept {
  unwinding path{.home = home, .frame = frame, .coroutine = running_coroutine()};
  _Unwind_Backtrace(add_call, &path);
  if (path.top != 0) note_stack(frame, path.top);
  if (path.last == nullptr) {
    const auto pc = word_below(frame);
    path.last = find_or_add(home, innermost_calls(home, pc), pc, nullptr);
  }
  // Where it could not be unwound any further it ends for good: it must not be tried with every task.
  if (path.last != nullptr && !path.whole) store(path.last->distance, layout::no_distance);
  return address(path.last);
}

#endif

}  // namespace

std::uint64_t call_path(layout::registry& home, std::uint64_t frame) noexcept {
#if defined(__x86_64__)
  const auto pc = word_below(frame);
  const call_site* known = nullptr;
  const call_site* site = find(innermost_calls(home, pc), pc);
  while (site != nullptr) {
    known = site;
    auto distance = load(site->distance);
    if (distance == layout::no_distance) return address(site);
    if (distance == 0) break;  // another thread is about to find it out
    if ((distance & layout::may_vary) != 0) {
      // As far as it was once, this stack may not reach.
      distance &= ~layout::may_vary;
      if (!stack_holds(frame, frame + distance)) break;
    }
    site = find(site->outer, word_below(frame + distance));
  }
  // What is known of the path is better than to unwind it each time.
  if (home.call_sites.load(relaxed) >= layout::most_call_sites) [[unlikely]]
    return address(known);
  return unwind(home, frame);
#else
  static_cast<void>(home), static_cast<void>(frame);
  return 0;
#endif
}

}  // namespace tasks::detail
