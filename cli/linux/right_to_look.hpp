#pragma once

/// Why the kernel lets nobody read a process's memory, and what to do about it. See ptrace(2), "Ptrace access mode
/// checking".

#include <sys/types.h>

#include <chrono>
#include <string>

#include "base/error.hpp"
#include "base/remedy.hpp"

namespace tasks::cli {

/// What decides, as far as it can be known.
struct access_facts {
  bool same_user = false;             ///< the process's user is ours
  bool root = false;                  ///< we are root, in our user namespace
  bool other_user_namespace = false;  ///< the process is in another one: a container
  bool dumpable = true;               ///< false: set-user-ID, capabilities, or prctl(PR_SET_DUMPABLE, 0)
  int ptrace_scope = 0;               ///< of the Yama security module, 0 to 3; 0 also where there is none
  bool may_trace = false;             ///< we have CAP_SYS_PTRACE
  bool filtered = false;              ///< a seccomp filter refuses some of our system calls
  pid_t pid = 0;                      ///< of the process; 0: no one's
  std::string owner{};                ///< its user's name; empty: not known
};

[[nodiscard]] access_facts ask_kernel_about(pid_t pid);
/// `scope_file` stands in for /proc/sys/kernel/yama/ptrace_scope in tests.
[[nodiscard]] int read_ptrace_scope(const std::string& scope_file);
/// What keeps us from its memory, of a process of which the kernel has refused it.
[[nodiscard]] obstacle what_forbids(const access_facts& facts);
/// The same, as an error.
[[nodiscard]] error permission_error(std::string subject, const access_facts& facts);
/// Why a thread of a process cannot be traced, which the kernel has refused: another process does, or we may not.
[[nodiscard]] error trace_refusal(pid_t pid, pid_t tid);
/// Is it worth while to ask again for a thread that could not be traced? So it is where another `tasks` traces it for a
/// look, and lets go soon; not where that has started the process, and keeps it, nor where we may not.
class tracer_patience {
 public:
  explicit tracer_patience(pid_t pid) noexcept : pid_(pid) {}
  /// After a refusal. `tracer`: see tracer_of(). At most ten seconds long: copies of gigabytes take no longer.
  [[nodiscard]] bool goes_on(pid_t tracer);

 private:
  pid_t pid_;
  std::chrono::steady_clock::time_point until_ = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  int refusals_ = 0;
  bool was_traced_ = false;  ///< by another `tasks`, in a refusal before
};

}  // namespace tasks::cli
