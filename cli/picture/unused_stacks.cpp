#include "picture/unused_stacks.hpp"

#include <sys/syscall.h>
#include <sys/user.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/text.hpp"
#include "linux/proc.hpp"

namespace tasks::cli {
namespace {

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
    if (block == 0 || block % page_size != 0 || size == 0 || size % page_size != 0 || guard % page_size != 0 ||
        guard >= size)
      continue;
    const range stack{block + guard, block + size};
    if (stack.end < block || !stack.contains(sp) || !stack.contains(tp)) continue;
    if (stack.begin < area->begin || stack.end > area->end) return std::nullopt;
    return stack;
  }
  return std::nullopt;
}

/// The system call that a thread is in, or is coming back from.
struct system_call {
  long number = -1;
  long result = 0;
  std::uint64_t arguments[3] = {};
};

system_call call_of(const thread_registers& thread) {
  system_call call;
#if defined(__x86_64__)
  user_regs_struct registers;
  if (thread.general.size() * sizeof thread.general[0] != sizeof registers) return call;
  std::memcpy(&registers, thread.general.data(), sizeof registers);
  constexpr auto code_of_64_bits = 0x33;
  if (registers.cs != code_of_64_bits) return call;
  call.number = static_cast<long>(registers.orig_rax);
  call.result = static_cast<long>(registers.rax);
  call.arguments[0] = registers.rdi;
  call.arguments[1] = registers.rsi;
  call.arguments[2] = registers.rdx;
#else
  static_cast<void>(thread);  // nothing says whether it is in one
#endif
  return call;
}

/// Where the kernel would have put events, had there been any.
std::optional<range> room_for_events(const system_call& call) {
  constexpr std::uint64_t event_size = 12, most_events = 65536;
  switch (call.number) {
#if defined(SYS_epoll_wait)
    case SYS_epoll_wait:
#endif
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
      break;
    default:
      return std::nullopt;
  }
  const auto begin = call.arguments[1], count = call.arguments[2];
  if (call.result >= 0 || count > most_events) return std::nullopt;
  return range{(begin + 7) / 8 * 8, (begin + count * event_size) / 8 * 8};
}

/// System calls that do nothing but wait, for a time or for something to come.
bool only_waits(long number) {
  switch (number) {
#if defined(__x86_64__)
    case SYS_epoll_wait:
    case SYS_poll:
    case SYS_select:
    case SYS_pause:
#endif
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
    case SYS_futex:
    case SYS_read:
    case SYS_ppoll:
    case SYS_pselect6:
    case SYS_nanosleep:
    case SYS_clock_nanosleep:
    case SYS_accept:
    case SYS_accept4:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_rt_sigtimedwait:
    case SYS_wait4:
    case SYS_waitid:
      return true;
    default:
      return false;
  }
}

/// Half-open ranges that may overlap: their union.
void unite(std::vector<range>& ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const range& a, const range& b) { return a.begin < b.begin; });
  std::size_t kept = 0;
  for (const auto& each : ranges) {
    if (kept != 0 && each.begin <= ranges[kept - 1].end)
      ranges[kept - 1].end = std::max(ranges[kept - 1].end, each.end);
    else
      ranges[kept++] = each;
  }
  ranges.resize(kept);
}

}  // namespace

bool waits_in_libc(const memory_image& image, const thread_registers& thread) {
  if (!only_waits(call_of(thread).number)) return false;
  for (const auto& region : image.regions()) {
    if (thread.instruction_pointer < region.begin || thread.instruction_pointer >= region.end) continue;
    const auto name = base_name(region.path);
    return region.executable && !region.writable &&
           (name.starts_with("libc.so.6") || name.starts_with("libc-2.") || name.starts_with("libpthread"));
  }
  return false;
}

std::vector<range> unused_stacks(const memory_image& image, const std::vector<thread_registers>& threads) {
  std::vector<range> unused;
  for (const auto& thread : threads) {
    if (const auto room = room_for_events(call_of(thread)); room && room->begin < room->end) unused.push_back(*room);
    const auto* area = image.area_of(thread.stack_pointer);
    if (area == nullptr) continue;
    // The main thread's storage is elsewhere; that of a thread which was given a part of this stack lies in its part.
    const bool main = area->path == "[stack]" && !area->contains(thread.thread_pointer);
    const auto stack = main ? std::optional<range>(*area) : pthread_stack(image, thread);
    if (!stack || thread.stack_pointer - stack->begin <= red_zone) continue;
    // Words that begin below it and reach into it count.
    unused.push_back({stack->begin, (thread.stack_pointer - red_zone) / 8 * 8});
  }
  unite(unused);
  return unused;
}

}  // namespace tasks::cli
