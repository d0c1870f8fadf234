#include "surveys/mutex_waits.hpp"

#include <fmt/format.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#include <optional>

#include "base/text.hpp"

namespace tasks::cli {
namespace {

/// glibc's, of 64 bits: what is waited on is the lock.
struct mutex_words {
  std::uint32_t lock, count, owner, users, kind;
};

/// PTHREAD_MUTEX_*_NP, and in glibc's nptl/pthreadP.h the bits of what was asked for beside them.
constexpr std::uint32_t kind_bits = 0x3, robust = 0x10, inherits = 0x20, protects = 0x40, shared = 0x80,
                        elision = 0x300;
constexpr std::uint32_t ceiling = 0xfff8'0000;  ///< of those that protect, in the lock

bool is_locked_and_waited_for(const mutex_words& its) {
  if ((its.kind & ~(kind_bits | robust | inherits | protects | shared | elision)) != 0) return false;
  if (its.owner == 0 || its.users == 0) return false;
  if ((its.kind & (robust | inherits)) != 0)
    return (its.lock & FUTEX_TID_MASK) == its.owner && (its.lock & FUTEX_WAITERS) != 0;
  return ((its.kind & protects) != 0 ? its.lock & ~ceiling : its.lock) == 2;
}

}  // namespace

std::string blocking_function(const native_stack& stack) {
  std::string called, of_system;
  for (const auto& frame : stack.frames) {
    if (!frame.plumbing && !frame.system) break;
    if (frame.function.empty()) continue;
    called = frame.function;
    const bool bare = frame.function == "syscall" || frame.function.starts_with("futex");
    if (frame.system && !bare && base_name(frame.module).starts_with("libc")) of_system = frame.function;
  }
  return of_system.empty() ? called : of_system;
}

std::uint32_t owner_of_mutex(const memory& of, std::uint64_t lock) {
  const auto its = of.get<mutex_words>(lock);
  return its && is_locked_and_waited_for(*its) ? its->owner : 0;
}

std::uint32_t owner_of_mutex(const target& from, const os_thread& thread, const native_stack& stack) {
  if (!from.is_alive() || blocking_function(stack).find("mutex_") == std::string::npos) return 0;
  const auto call = read_blocking_call(from.pid(), thread.tid);
  if (!call || call->number != SYS_futex) return 0;
  return owner_of_mutex(from.bytes(), call->argument);
}

std::string locked_words(std::uint32_t owner, std::uint32_t waits, bool owner_exists) {
  if (owner == waits) return "which it has locked itself";
  return fmt::format("locked by thread {}{}", owner, owner_exists ? "" : ", which does not exist");
}

}  // namespace tasks::cli
