#include "picture/unused_stacks.hpp"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/user.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/text.hpp"
#include "picture/thread_blocks.hpp"

namespace tasks::cli {
namespace {

/// Of a block that libc has made: the program can keep data in one of its own.
std::optional<range> pthread_stack(const memory_image& image, const thread_registers& thread) {
  const auto block = block_of(image, thread);
  const auto* area = image.area_of(thread.stack_pointer);
  if (!block || block->guard == 0 || block->stack.begin < area->begin || block->stack.end > area->end)
    return std::nullopt;
  return block->stack;
}

/// The system call that a thread is in, or is coming back from.
struct system_call {
  long number = -1;
  long result = 0;
  std::array<std::uint64_t, 6> arguments{};
};

/// The base of a segment that programs may use as they like, beside that of thread-local storage.
std::uint64_t other_base(const thread_registers& thread) {
#if defined(__x86_64__)
  constexpr auto index = offsetof(user_regs_struct, gs_base) / sizeof(std::uint64_t);
  return index < thread.general.size() ? thread.general[index] : 0;
#else
  static_cast<void>(thread);
  return 0;
#endif
}

/// `code`: the target's.
system_call call_of(const thread_registers& thread, [[maybe_unused]] const memory& code) {
  system_call call;
#if defined(__x86_64__)
  user_regs_struct registers;
  if (thread.general.size() * sizeof thread.general[0] != sizeof registers) return call;
  std::memcpy(&registers, thread.general.data(), sizeof registers);
  constexpr auto code_of_64_bits = 0x33;
  if (registers.cs != code_of_64_bits) return call;
  call.number = static_cast<long>(registers.orig_rax);
  call.result = static_cast<long>(registers.rax);
  call.arguments = {registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9};
#elif defined(__aarch64__)
  user_regs_struct registers;
  if (thread.general.size() * sizeof thread.general[0] != sizeof registers) return call;
  std::memcpy(&registers, thread.general.data(), sizeof registers);
  // Of a thread that was stopped the kernel does not say whether it is in one any more (forget_syscall() in its
  // arch/arm64/kernel/signal.c). It is about to begin it anew, or comes back from it with nothing: then the first
  // argument is lost, which is a file's number in all but one.
  constexpr std::uint32_t supervisor_call = 0xd4000001;  // svc #0
  const auto is_call = [&](std::uint64_t at) { return code.get<std::uint32_t>(at) == supervisor_call; };
  const bool begins_anew = !thread.slept && is_call(registers.pc);
  const bool has_nothing = !thread.slept && registers.regs[0] == static_cast<std::uint64_t>(-EINTR) &&
                           registers.regs[8] != SYS_rt_sigtimedwait && is_call(registers.pc - 4);
  if (!thread.slept && !begins_anew && !has_nothing) return call;
  call.number = static_cast<long>(registers.regs[8]);
  call.result = -EINTR;
  std::copy_n(registers.regs, call.arguments.size(), call.arguments.begin());
#endif
  return call;
}

/// Where the kernel would have put events, had there been any. Others than Asio may say that there is more room than
/// there is.
std::optional<range> room_for_events(const system_call& call, const libc_call& in) {
  constexpr std::uint64_t event_size = 12, most_events = 65536;
  if (in.caller.find("4asio6detail13epoll_reactor3run") == in.caller.npos) return std::nullopt;
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

/// How many arguments such a call has.
std::size_t argument_count(long number) {
  switch (number) {
#if defined(__x86_64__)
    case SYS_pause:
      return 0;
    case SYS_poll:
      return 3;
    case SYS_epoll_wait:
      return 4;
#endif
    case SYS_nanosleep:
      return 2;
    case SYS_read:
    case SYS_accept:
    case SYS_recvmsg:
      return 3;
    case SYS_accept4:
    case SYS_clock_nanosleep:
    case SYS_rt_sigtimedwait:
    case SYS_wait4:
      return 4;
    case SYS_ppoll:
    case SYS_waitid:
      return 5;
    default:
      return 6;
  }
}

/// Functions of libc's that return a number, read no pointers from memory for their callers, and call nobody back: of
/// what is in their frames only the registers that they have saved comes out again.
bool only_returns_a_number(std::string_view function) {
  constexpr std::array<std::string_view, 47> known = {"accept",
                                                      "accept4",
                                                      "clock_nanosleep",
                                                      "epoll_pwait",
                                                      "epoll_pwait2",
                                                      "epoll_wait",
                                                      "nanosleep",
                                                      "pause",
                                                      "poll",
                                                      "ppoll",
                                                      "pselect",
                                                      "pthread_barrier_wait",
                                                      "pthread_clockjoin_ex",
                                                      "pthread_clockjoin_np",
                                                      "pthread_cond_clockwait",
                                                      "pthread_cond_timedwait",
                                                      "pthread_cond_wait",
                                                      "pthread_join",
                                                      "pthread_mutex_clocklock",
                                                      "pthread_mutex_lock",
                                                      "pthread_mutex_timedlock",
                                                      "pthread_rwlock_clockrdlock",
                                                      "pthread_rwlock_clockwrlock",
                                                      "pthread_rwlock_rdlock",
                                                      "pthread_rwlock_timedrdlock",
                                                      "pthread_rwlock_timedwrlock",
                                                      "pthread_rwlock_wrlock",
                                                      "pthread_timedjoin_np",
                                                      "read",
                                                      "recv",
                                                      "recvfrom",
                                                      "recvmsg",
                                                      "select",
                                                      "sem_clockwait",
                                                      "sem_timedwait",
                                                      "sem_wait",
                                                      "sigtimedwait",
                                                      "sigwait",
                                                      "sigwaitinfo",
                                                      "sleep",
                                                      "syscall",
                                                      "usleep",
                                                      "wait",
                                                      "wait3",
                                                      "wait4",
                                                      "waitid",
                                                      "waitpid"};
  return std::binary_search(known.begin(), known.end(), function);
}

bool waits_in_libc(const memory_image& image, const thread_registers& thread, const system_call& call) {
  if (!only_waits(call.number)) return false;
  for (const auto& region : image.regions()) {
    if (thread.instruction_pointer < region.begin || thread.instruction_pointer >= region.end) continue;
    const auto name = base_name(region.path);
    return region.executable && !region.writable &&
           (name.starts_with("libc.so.6") || name.starts_with("libc-2.") || name.starts_with("libpthread"));
  }
  return false;
}

/// Words at every byte: vector instructions shuffle bytes.
void add_bytewise(std::vector<thread_words::held>& to, const thread_registers& thread) {
  const auto& words = thread.vector;
  for (std::size_t i = 0; i < words.size(); ++i) {
    to.push_back({words[i], thread.tid});
    const auto next = i + 1 < words.size() ? words[i + 1] : 0;
    for (unsigned bits = 8; bits < 64; bits += 8) to.push_back({words[i] >> bits | next << (64 - bits), thread.tid});
  }
}

/// The thread's own stack, where it is known beyond doubt.
std::optional<range> own_stack(const memory_image& image, const thread_registers& thread) {
  const auto* area = image.area_of(thread.stack_pointer);
  if (area == nullptr) return std::nullopt;
  // The main thread's storage is elsewhere; that of a thread which was given a part of this stack lies in its part.
  const bool main = area->path == "[stack]" && !area->contains(thread.thread_pointer);
  return main ? std::optional<range>(*area) : pthread_stack(image, thread);
}

}  // namespace

thread_words words_of_threads(const memory_image& image, const std::vector<thread_registers>& threads,
                              frame_walker& walker, asio_recycled& recycled) {
  thread_words words;
  for (const auto& thread : threads) {
    const auto sp = thread.stack_pointer;
    const auto call = call_of(thread, walker.bytes());
    const auto frames = walker.walk(thread);
    words.frames.push_back(frames.frames);
    words.ends.push_back(frames.whole ? frames.frames.back().end : 0);
    words.lacks_registers |= frames.lacks_registers || (thread.slept && thread.thread_pointer == 0);
    const bool waits = waits_in_libc(image, thread, call);
    const auto* in = waits && frames.call && only_returns_a_number(frames.call->function) ? &*frames.call : nullptr;
    const auto add = [&](std::uint64_t word) { words.registers.push_back({word, thread.tid}); };
    if (frames.agent_end != 0) {
      words.unused.push_back({(sp - red_zone) / 8 * 8, frames.agent_end / 8 * 8});
      add(thread.thread_pointer);
      add(other_base(thread));
    } else if (in != nullptr) {
      // Words that begin below a frame's end and reach beyond it count.
      words.unused.push_back({(sp - red_zone) / 8 * 8, in->end / 8 * 8});
      std::for_each(in->saved.begin(), in->saved.end(), add);
      std::for_each_n(call.arguments.begin(), argument_count(call.number), add);
      add(thread.thread_pointer);
      add(other_base(thread));
      const auto blocks = recycled.blocks_of(frames);
      words.recycled.insert(words.recycled.end(), blocks.begin(), blocks.end());
      if (const auto room = room_for_events(call, *in); room && room->begin < room->end) words.unused.push_back(*room);
    } else {
      std::for_each(thread.general.begin(), thread.general.end(), add);
    }
    if (!waits && frames.agent_end == 0) add_bytewise(words.registers, thread);
    if (in == nullptr) {
      const auto slots = recycled.slots_of(frames);
      words.recycled_slots.insert(words.recycled_slots.end(), slots.begin(), slots.end());
    }
    const auto stack = own_stack(image, thread);
    // Words that begin below the red zone and reach into it count.
    if (stack && frames.whole && frames.frames.back().end <= stack->end && sp - stack->begin > red_zone)
      words.unused.push_back({stack->begin, (sp - red_zone) / 8 * 8});
  }
  const auto ended = stacks_of_ended_threads(image, threads);
  words.unused.insert(words.unused.end(), ended.begin(), ended.end());
  unite(words.unused);
  unite(words.recycled_slots);
  return words;
}

}  // namespace tasks::cli
