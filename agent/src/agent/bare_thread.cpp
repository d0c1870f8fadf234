#include "agent/bare_thread.hpp"

#include <cerrno>

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GLIBCXX__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#  define TASKS_BARE_THREADS
#endif
#if defined(__has_feature)
#  if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer) || \
      __has_feature(safe_stack)
#    undef TASKS_BARE_THREADS
#  endif
#endif

#if defined(TASKS_BARE_THREADS)

#  include <link.h>
#  include <linux/capability.h>
#  include <linux/futex.h>
#  include <sched.h>
#  include <sys/mman.h>
#  include <sys/syscall.h>
#  include <unistd.h>

#  include <algorithm>
#  include <cstring>

#  include "tasks/detail/writer.hpp"

// Of sanitizers that the host was built with, where this was not. None by whose name others look for one in a file.
extern "C" {
[[gnu::weak]] void __asan_region_is_poisoned();  // NOLINT(bugprone-reserved-identifier)
[[gnu::weak]] void __hwasan_init();              // NOLINT(bugprone-reserved-identifier)
[[gnu::weak]] void __lsan_disable();             // NOLINT(bugprone-reserved-identifier)
[[gnu::weak]] void __safestack_init();           // NOLINT(bugprone-reserved-identifier)
[[gnu::weak]] void __msan_init();                // NOLINT(bugprone-reserved-identifier)
[[gnu::weak]] void __tsan_init();                // NOLINT(bugprone-reserved-identifier)
}

namespace tasks::detail {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t stack_size = std::size_t{256} << 10;
/// Of glibc's `struct pthread`, which begins where fs points to: 2304 bytes in glibc 2.36. All zeros is a thread that
/// nobody cancels, and which has no robust mutexes, no clean-up handlers and no keys.
constexpr std::size_t descriptor_size = std::size_t{16} << 10;
/// Where the kernel's number of the thread is in it, by which debuggers and `tasks` find whose descriptor this is.
constexpr std::size_t number_at = 720;
/// Of all thread-local variables that have their place when a thread begins.
constexpr std::size_t most_variables = std::size_t{1} << 20;

/// What generated code looks for at fs: System V ABI for x86-64, and the compilers' stack protectors.
struct thread_head {
  thread_head* self;
  void* dynamic_variables;  ///< none: nothing here calls __tls_get_addr
  thread_head* descriptor;
  std::uint64_t several_threads;
  std::uint64_t vsyscall;
  std::uint64_t stack_guard;
  std::uint64_t pointer_guard;
};
static_assert(offsetof(thread_head, stack_guard) == 0x28 && offsetof(thread_head, pointer_guard) == 0x30);

thread_head* own_head() noexcept {
  thread_head* head = nullptr;
  asm("mov %%fs:0, %0" : "=r"(head));
  return head;
}

/// Thread-local variables of one object: where they are in the calling thread, below fs, and what they begin with.
struct variables {
  std::size_t below;  ///< bytes from there to fs
  const void* first_values;
  std::size_t given;  ///< bytes of those; zeros follow
};

/// Calls visit(variables) for each object whose variables have a place in every thread from its beginning.
template <class Visit>
void for_each_variables(Visit visit) noexcept {
  const auto each_object = [](dl_phdr_info* object, std::size_t, void* context) -> int {
    const auto here = reinterpret_cast<std::uintptr_t>(own_head());
    const auto at = reinterpret_cast<std::uintptr_t>(object->dlpi_tls_data);
    if (at == 0 || at >= here || here - at > most_variables) return 0;
    for (ElfW(Half) i = 0; i < object->dlpi_phnum; ++i) {
      const auto& segment = object->dlpi_phdr[i];
      if (segment.p_type != PT_TLS) continue;
      (*static_cast<Visit*>(context))(
          variables{here - at, reinterpret_cast<const void*>(object->dlpi_addr + segment.p_vaddr), segment.p_filesz});
    }
    return 0;
  };
  dl_iterate_phdr(each_object, &visit);
}

/// Could the program give up anything that this thread would then still have?
bool has_privileges() noexcept {
  uid_t user[3];
  gid_t group[3];
  if (getresuid(&user[0], &user[1], &user[2]) != 0 || getresgid(&group[0], &group[1], &group[2]) != 0) return true;
  if (user[0] == 0 || user[0] != user[1] || user[1] != user[2] || group[0] != group[1] || group[1] != group[2])
    return true;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, sets) != 0) return true;
  return std::any_of(std::begin(sets), std::end(sets), [](const auto& set) { return set.permitted != 0; });
}

}  // namespace

bool bare_thread::is_possible(bool forced) noexcept {
  if (__asan_region_is_poisoned != nullptr || __hwasan_init != nullptr || __lsan_disable != nullptr ||
      __msan_init != nullptr || __tsan_init != nullptr)
    return false;
  return forced || !has_privileges();
}

int bare_thread::begin(void* self) noexcept {
  const auto& own = *static_cast<bare_thread*>(self);
  own.run_(own.argument_);
  return 0;
}

int bare_thread::start(void (*run)(void*), void* argument) noexcept {
  std::size_t below = 0;
  for_each_variables([&](const variables& of) { below = std::max(below, of.below); });
  // libc's own may lie behind megabytes of the program's.
  const auto has_place = [&below](const void* variable) {
    const auto here = reinterpret_cast<std::uintptr_t>(own_head());
    const auto at = reinterpret_cast<std::uintptr_t>(variable);
    return at < here && here - at <= below;
  };
  if (!has_place(&errno) || !has_place(&this_thread)) return ENOTSUP;
  below = (below + page - 1) / page * page;
  const auto size = page + stack_size + below + descriptor_size;
  void* at =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (at == MAP_FAILED) return errno;
  auto* stack = static_cast<unsigned char*>(at) + page;
  auto* head = reinterpret_cast<thread_head*>(stack + stack_size + below);
  for_each_variables([&](const variables& of) {
    // Of an object that was loaded between the two there is no room; nothing of its is called.
    if (of.below <= below) std::memcpy(reinterpret_cast<unsigned char*>(head) - of.below, of.first_values, of.given);
  });
  const auto* own = own_head();
  *head = {head, nullptr, head, 0, own->vsyscall, own->stack_guard, own->pointer_guard};

  run_ = run;
  argument_ = argument;
  mapped_ = at;
  size_ = size;
  lives_.store(1, std::memory_order_relaxed);
  auto* number = reinterpret_cast<pid_t*>(reinterpret_cast<unsigned char*>(head) + number_at);
  // As NPTL does it, so that the kernel, debuggers and valgrind take it for a thread like any other.
  constexpr int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                        CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
  if (mprotect(at, page, PROT_NONE) == 0 && clone(begin, stack + stack_size, flags, this, number, head, &lives_) >= 0)
    return 0;
  const int error = errno;
  lives_.store(0, std::memory_order_relaxed);
  munmap(at, size);
  return error;
}

void bare_thread::join() noexcept {
  // The kernel wakes by a futex that is not private.
  while (!has_ended()) syscall(SYS_futex, &lives_, FUTEX_WAIT, 1, nullptr, nullptr, 0);
  munmap(mapped_, size_);
}

}  // namespace tasks::detail

#else

namespace tasks::detail {

bool bare_thread::is_possible(bool) noexcept { return false; }
int bare_thread::start(void (*)(void*), void*) noexcept { return ENOSYS; }
void bare_thread::join() noexcept {}

}  // namespace tasks::detail

#endif
