// Loaded before `tasks` (LD_PRELOAD): sends a signal after so many of its calls that look at another process, however
// long those take.
//
//   TASKS_TEST_AT=N        after the Nth call of ptrace(2), waitid(2), waitpid(2) or process_vm_readv(2)
//   TASKS_TEST_SEND=SIGNAL this signal
//   TASKS_TEST_TO=PID      to this process; without, to ourselves
//   TASKS_TEST_CALLS=FILE  which gets the number of calls, once we exit
//   TASKS_TEST_WHEN_SEIZED=SIGNAL  sent to ourselves, once, when a thread has been seized
//   TASKS_TEST_WHEN_REFUSED=PID    is sent SIGCONT when one was refused
//   TASKS_TEST_FIRST=NAME  a thread of that name is seized, and runs until a signal is being delivered to it

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <string>

namespace {

std::atomic<long> calls{0};

long number(const char* name, long otherwise) {
  const char* text = ::getenv(name);
  return text == nullptr ? otherwise : ::strtol(text, nullptr, 10);
}

void count() {
  static const long at = number("TASKS_TEST_AT", -1), signal = number("TASKS_TEST_SEND", SIGKILL),
                    to = number("TASKS_TEST_TO", 0);
  if (++calls == at) ::kill(to == 0 ? ::getpid() : static_cast<pid_t>(to), static_cast<int>(signal));
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

bool has_name(pid_t tid, const char* name) {
  char text[64] = {};
  FILE* file = ::fopen(("/proc/" + std::to_string(tid) + "/comm").c_str(), "r");
  if (file == nullptr) return false;
  const bool has_read = ::fgets(text, sizeof text, file) != nullptr;
  ::fclose(file);
  text[::strcspn(text, "\n")] = 0;
  return has_read && ::strcmp(text, name) == 0;
}

/// Tells how many there were.
struct teller {
  ~teller() {
    const char* path = ::getenv("TASKS_TEST_CALLS");
    FILE* file = path == nullptr ? nullptr : ::fopen(path, "w");
    if (file == nullptr) return;
    ::fprintf(file, "%ld\n", calls.load());
    ::fclose(file);
  }
} tells;

}  // namespace

extern "C" {

// By its name for the linker: the header has it with as many arguments as one likes.
long called_instead(enum __ptrace_request request, pid_t tid, void* address, void* data) noexcept __asm__("ptrace");

long called_instead(enum __ptrace_request request, pid_t tid, void* address, void* data) noexcept {
  static auto* const real = next<long(enum __ptrace_request, ...)>("ptrace");
  const long result = real(request, tid, address, data);
  if (request == PTRACE_SEIZE && result != 0)
    if (const auto who = number("TASKS_TEST_WHEN_REFUSED", 0); who != 0) ::kill(static_cast<pid_t>(who), SIGCONT);
  static std::atomic<long> when_seized{number("TASKS_TEST_WHEN_SEIZED", 0)};
  if (request == PTRACE_SEIZE && result == 0)
    if (const auto signal = when_seized.exchange(0); signal != 0) ::kill(::getpid(), static_cast<int>(signal));
  static const char* const first = ::getenv("TASKS_TEST_FIRST");
  if (request == PTRACE_SEIZE && result == 0 && first != nullptr && has_name(tid, first)) {
    siginfo_t seen;
    ::syscall(SYS_waitid, P_PID, tid, &seen, WSTOPPED | __WALL | WNOWAIT, nullptr);
  }
  count();
  return result;
}

int waitid(idtype_t type, id_t id, siginfo_t* info, int options) {
  static auto* const real = next<int(idtype_t, id_t, siginfo_t*, int)>("waitid");
  const int result = real(type, id, info, options);
  count();
  return result;
}

pid_t waitpid(pid_t pid, int* status, int options) {
  static auto* const real = next<pid_t(pid_t, int*, int)>("waitpid");
  const pid_t result = real(pid, status, options);
  count();
  return result;
}

ssize_t process_vm_readv(pid_t pid, const iovec* local, unsigned long locals, const iovec* remote,
                         unsigned long remotes, unsigned long flags) noexcept {
  static auto* const real =
      next<ssize_t(pid_t, const iovec*, unsigned long, const iovec*, unsigned long, unsigned long)>("process_vm_readv");
  const ssize_t result = real(pid, local, locals, remote, remotes, flags);
  count();
  return result;
}

}  // extern "C"
