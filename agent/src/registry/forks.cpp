#include "registry/forks.hpp"

#include <pthread.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "registry/futex.hpp"

// Where this object's ELF header was mapped; the linker defines it, once an object.
extern "C" [[gnu::visibility("hidden")]] const char __ehdr_start;  // NOLINT(bugprone-reserved-identifier)

namespace tasks::detail {

std::uintptr_t address_of_object() noexcept { return reinterpret_cast<std::uintptr_t>(&__ehdr_start); }

bool is_executable() noexcept {
  const auto here = address_of_object();
  const auto program_headers = static_cast<std::uintptr_t>(getauxval(AT_PHDR));
  return program_headers >= here && program_headers - here < 4096;
}

bool at_fork(void (*prepare)() noexcept, void (*parent)() noexcept, void (*child)() noexcept) noexcept {
  return is_executable() && pthread_atfork(prepare, parent, child) == 0;
}

void process_lock::lock() noexcept {
  const auto here = static_cast<std::uint32_t>(getpid());
  for (std::uint32_t holder = 0;;) {
    // A holder of another process is not here to let go.
    if (holder != here && holder_.compare_exchange_weak(holder, here, std::memory_order_acquire)) return;
    if (holder == here) {
      wait_futex(holder_, here, nullptr);
      holder = 0;
    }
  }
}

void process_lock::unlock() noexcept {
  holder_.store(0, std::memory_order_release);
  wake_futex(holder_);
}

}  // namespace tasks::detail
