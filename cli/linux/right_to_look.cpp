#include "linux/right_to_look.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <optional>

#include "linux/fields.hpp"
#include "linux/proc.hpp"

namespace tasks::cli {
namespace {

/// The real user id: /proc/PID itself belongs to root where the process is not dumpable.
std::optional<uid_t> real_user_of(pid_t pid) {
  const auto ids = status_line(pid, "Uid").value_or("");
  std::string_view rest = ids;
  uid_t uid = 0;
  if (!parse_number(next_field(rest), uid)) return std::nullopt;
  return uid;
}

}  // namespace

int read_ptrace_scope(const std::string& scope_file) {
  const auto text = read_file(scope_file.c_str());
  int scope = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), scope);
  return scope;
}

access_facts ask_kernel_about(pid_t pid) {
  access_facts facts;
  const auto user = real_user_of(pid);
  facts.root = ::geteuid() == 0;
  facts.same_user = user == ::geteuid();
  const auto theirs = read_link(fmt::format("/proc/{}/ns/user", pid).c_str());
  facts.other_user_namespace = theirs && theirs != read_link("/proc/self/ns/user");
  facts.dumpable = !user || owner_of(pid) == user;
  facts.ptrace_scope = read_ptrace_scope("/proc/sys/kernel/yama/ptrace_scope");
  return facts;
}

error permission_error(std::string subject, const access_facts& facts) {
  const auto denied = [&](std::string fact, std::string next_step) {
    return error{error_code::permission_denied, std::move(subject), "permission denied: " + fact, std::move(next_step)};
  };
  if (facts.ptrace_scope == 3) {
    return denied("kernel.yama.ptrace_scope is 3, which forbids reading any process's memory",
                  "ask its agent without --direct; the setting lasts until the next boot");
  }
  if (facts.other_user_namespace) {
    return denied("the process is in another user namespace, such as a container",
                  "run tasks inside the container, or as root outside it");
  }
  if (facts.root) {
    return denied("root may not read this process's memory either",
                  "give this root CAP_SYS_PTRACE (docker run --cap-add SYS_PTRACE)");
  }
  if (!facts.same_user) return denied("the process belongs to another user", "run as its owner, or as root");
  if (!facts.dumpable) {
    return denied("the process is not dumpable: set-user-ID, file capabilities, or prctl(PR_SET_DUMPABLE)",
                  "run as root");
  }
  if (facts.ptrace_scope == 2) return denied("kernel.yama.ptrace_scope is 2: only root may", "run as root");
  if (facts.ptrace_scope == 1) {
    return denied("kernel.yama.ptrace_scope is 1: only its parent and root may",
                  "run as root, or ask its agent without --direct");
  }
  return denied("a security module or seccomp filter forbids it", "run as root");
}

error trace_refusal(pid_t pid, pid_t tid) {
  const auto tracer = tracer_of(tid);
  if (tracer == 0) return permission_error(subject_of(pid), ask_kernel_about(pid));
  const auto stat = read_stat(tracer);
  return {error_code::permission_denied, subject_of(pid),
          fmt::format("process {}{} traces it already", tracer, stat ? " (" + stat->name + ")" : ""),
          "a process has one tracer at a time: end that one"};
}

}  // namespace tasks::cli
