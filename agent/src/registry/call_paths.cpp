#include "registry/call_paths.hpp"

#include <sys/mman.h>
#include <unwind.h>

namespace tasks::detail {
namespace {

using layout::call_site;

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;

std::uint64_t word_at(std::uint64_t address) noexcept { return *reinterpret_cast<const std::uint64_t*>(address); }

/// The return address right below a place on the stack.
std::uint64_t return_address(std::uint64_t place) noexcept {
  const auto word = word_at(place - sizeof(std::uint64_t));
#if defined(__aarch64__)
  // Code built for pointer authentication signs it in the bits above (Arm ARM, D8.8), which _Unwind_GetIP() takes off.
  return word & ((std::uint64_t{1} << 48) - 1);
#else
  return word;
#endif
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

/// Remembers how far the stack of this thread reaches. Of a fibre's stack and its thread's the one that was seen last
/// is known.
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
  std::uint64_t frame_base = 0;  ///< the frame pointer in the frame of `last`; on aarch64 in that of the last call
  std::uint64_t last_cfa = 0;    ///< aarch64: what _Unwind_GetCFA() said of that
  std::size_t calls = 0;
  bool whole = false;
};

// Where a return address lies, and how one gets from there to the next:
//
//   x86-64    right below the CFA of the frame that it leads to, at a constant distance from where the path begins
//   aarch64   in the frame's record {frame pointer, return address}, whose first word is where the next record lies
#if defined(__aarch64__)

constexpr int dwarf_frame_pointer = 29;     // "DWARF for the Arm 64-bit Architecture", 4.1
constexpr std::uint64_t record_bytes = 16;  // AAPCS64, 6.4.6
/// call_site::distance wherever the path goes on: code that makes frame records at a call does so each time.
constexpr std::uint64_t by_record = 2;

/// Of what the frame of the last call returns to; 0: that has no record, as in code built without frame pointers.
std::uint64_t place_of(_Unwind_Context* context, unwinding& path) noexcept {
  const auto cfa = static_cast<std::uint64_t>(_Unwind_GetCFA(context));
  const bool is_record = path.last_cfa != 0 && path.frame_base % 8 == 0 && path.frame_base >= path.last_cfa &&
                         path.frame_base < cfa && cfa - path.frame_base >= record_bytes;
  const auto place = is_record ? path.frame_base + record_bytes : 0;
  path.last_cfa = cfa;
  path.frame_base = static_cast<std::uint64_t>(_Unwind_GetGR(context, dwarf_frame_pointer));
  return place;
}

bool note_distance(unwinding& path, std::uint64_t) noexcept {
  store(path.last->distance, by_record);
  return true;
}

/// Of the next return address outwards; 0: not at hand.
std::uint64_t place_outside(std::uint64_t frame, std::uint64_t place, std::uint64_t) noexcept {
  // The first function of a thread has no record, and where there was a caller with one there may be one without.
  const auto next = word_at(place - record_bytes) + record_bytes;
  return next > place && next % 8 == 0 && stack_holds(frame, next) ? next : 0;
}

#else

constexpr int dwarf_frame_pointer = 6;  // System V ABI for x86-64, figure 3.36

/// System V ABI for x86-64, 3.2.2: what _Unwind_GetCFA() says of a frame lies right above its return address's place in
/// the frame that it called.
std::uint64_t place_of(_Unwind_Context* context, unwinding&) noexcept {
  return static_cast<std::uint64_t>(_Unwind_GetCFA(context));
}

/// What has no constant distance from one time to the next ends the path: a frame of variable size.
bool note_distance(unwinding& path, std::uint64_t place) noexcept {
  // One with a frame pointer may be: its CFA is rbp + 16, whatever alloca(3) put below.
  auto distance = place - path.frame;
  if (path.frame_base + 16 == place) distance |= layout::may_vary;
  const auto known = load(path.last->distance);
  const bool is_same = known == 0 || known == distance;
  store(path.last->distance, is_same ? distance : layout::no_distance);
  return is_same;
}

/// Of the next return address outwards; 0: not at hand.
std::uint64_t place_outside(std::uint64_t frame, std::uint64_t, std::uint64_t distance) noexcept {
  if ((distance & layout::may_vary) == 0) return frame + distance;
  // As far as it was once, this stack may not reach.
  distance &= ~layout::may_vary;
  return stack_holds(frame, frame + distance) ? frame + distance : 0;
}

#endif

/// Called for each frame, from the innermost one outwards. See "DWARF Debugging Information Format" 5, 6.4.
_Unwind_Reason_Code add_call(_Unwind_Context* context, void* to) {
  auto& path = *static_cast<unwinding*>(to);
  const auto pc = static_cast<std::uint64_t>(_Unwind_GetIP(context));
  const auto place = place_of(context, path);
  if (path.calls == 0 && place != path.frame) return _URC_NO_REASON;  // ours
  if (pc == 0 || place < path.frame || return_address(place) != pc) return _URC_END_OF_STACK;
  auto* list = &innermost_calls(path.home, pc);
  if (path.last != nullptr) {
    if (!note_distance(path, place)) return _URC_END_OF_STACK;
    list = &path.last->outer;
  }
  call_site* site = find_or_add(path.home, *list, pc, path.last);
  if (site == nullptr) return _URC_END_OF_STACK;
  path.top = place;
  path.frame_base = static_cast<std::uint64_t>(_Unwind_GetGR(context, dwarf_frame_pointer));
  path.last = site;
  ++path.calls;
  // Who resumed the spawning coroutine is of no interest.
  const bool is_coroutine = path.coroutine != 0 && _Unwind_GetRegionStart(context) == path.coroutine;
  if (is_coroutine || path.calls == layout::longest_call_path) store(site->distance, layout::no_distance);
  path.whole = load(site->distance) == layout::no_distance;
  return path.whole ? _URC_END_OF_STACK : _URC_NO_REASON;
}

[[gnu::noinline, gnu::cold]] std::uint64_t unwind(layout::registry& home, std::uint64_t frame) noexcept {
  unwinding path{.home = home, .frame = frame, .coroutine = running_coroutine()};
  _Unwind_Backtrace(add_call, &path);
  if (path.top != 0) note_stack(frame, path.top);
  if (path.last == nullptr) {
    const auto pc = return_address(frame);
    path.last = find_or_add(home, innermost_calls(home, pc), pc, nullptr);
  }
  // Where it could not be unwound any further it ends for good: it must not be tried with every task.
  if (path.last != nullptr && !path.whole) store(path.last->distance, layout::no_distance);
  return address(path.last);
}

}  // namespace

std::uint64_t call_path(layout::registry& home, std::uint64_t frame) noexcept {
  const auto pc = return_address(frame);
  const call_site* known = nullptr;
  const call_site* site = find(innermost_calls(home, pc), pc);
  auto place = frame;
  while (site != nullptr) {
    known = site;
    const auto distance = load(site->distance);
    if (distance == layout::no_distance) return address(site);
    if (distance == 0) break;  // another thread is about to find it out
    place = place_outside(frame, place, distance);
    if (place == 0) break;
    site = find(site->outer, return_address(place));
  }
  // What is known of the path is better than to unwind it each time.
  if (home.call_sites.load(relaxed) >= layout::most_call_sites) [[unlikely]]
    return address(known);
  return unwind(home, frame);
}

}  // namespace tasks::detail
