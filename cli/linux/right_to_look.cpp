#include "linux/right_to_look.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <charconv>
#include <optional>

#include "base/text.hpp"
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
  constexpr int trace_bit = 19;  // CAP_SYS_PTRACE of <linux/capability.h>
  std::uint64_t rights = 0;
  const auto effective = status_line(::getpid(), "CapEff").value_or("");
  std::from_chars(effective.data(), effective.data() + effective.size(), rights, 16);
  facts.may_trace = (rights >> trace_bit & 1) != 0;
  facts.filtered = status_line(::getpid(), "Seccomp").value_or("0").starts_with('2');
  facts.pid = pid;
  if (user) {
    const auto* known = ::getpwuid(*user);
    facts.owner = known != nullptr ? known->pw_name : fmt::format("'#{}'", *user);
  }
  return facts;
}

obstacle what_forbids(const access_facts& facts) {
  const auto with_pid = [&](std::string_view command) {
    return facts.pid == 0 ? std::string() : fmt::format("{} {}", command, facts.pid);
  };
  const remedy as_root{"run as root", with_pid("sudo tasks vitals"), true};
  if (facts.ptrace_scope == 3) {
    return {"kernel.yama.ptrace_scope is 3, which forbids reading any process's memory",
            {{"ask its agent without --direct; the setting lasts until the next boot", with_pid("tasks vitals")},
             {"boot without that setting", "grep -r ptrace_scope /etc/sysctl.d /usr/lib/sysctl.d", true, true}}};
  }
  if (facts.other_user_namespace) {
    return {"the process is in another user namespace, such as a container",
            {{"run tasks inside the container"}, {"as root outside it", as_root.command, true}}};
  }
  if (facts.root && facts.may_trace) {
    return {"root may not read this process's memory either: a security module or seccomp filter forbids it",
            {{facts.filtered ? "run it without the filter (docker run --security-opt seccomp=unconfined)"
                             : "ask its agent without --direct"}}};
  }
  if (facts.root) {
    return {"root may not read this process's memory either",
            {{"give this root CAP_SYS_PTRACE (docker run --cap-add SYS_PTRACE)", "", true}}};
  }
  if (!facts.same_user) {
    return {"the process belongs to another user",
            {{"run as its owner",
              facts.owner.empty() ? "" : fmt::format("sudo -u {} tasks vitals {}", facts.owner, facts.pid)},
             {"as root", as_root.command, true}}};
  }
  if (!facts.dumpable) {
    return {"the process is not dumpable: set-user-ID, file capabilities, or prctl(PR_SET_DUMPABLE)",
            {as_root, {"have the program call prctl(PR_SET_DUMPABLE, 1)", "", false, true}}};
  }
  const remedy allow{"let users read their own processes, until the next boot", "sysctl kernel.yama.ptrace_scope=0",
                     true, true};
  if (facts.ptrace_scope == 2) return {"kernel.yama.ptrace_scope is 2: only root may", {as_root, allow}};
  if (facts.ptrace_scope == 1) {
    return {"kernel.yama.ptrace_scope is 1: only its parent and root may",
            {as_root,
             {"ask its agent without --direct", with_pid("tasks vitals")},
             {"have the program call prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY)", "", false, true},
             allow}};
  }
  return {"a security module or seccomp filter forbids it", {as_root}};
}

error permission_error(std::string subject, const access_facts& facts) {
  const auto forbids = what_forbids(facts);
  return {error_code::permission_denied, std::move(subject), "permission denied: " + forbids.fact,
          in_a_line(forbids.mends)};
}

error trace_refusal(pid_t pid, pid_t tid) {
  const auto tracer = tracer_of(tid);
  if (tracer == 0) return permission_error(subject_of(pid), ask_kernel_about(pid));
  const auto stat = read_stat(tracer);
  return {error_code::permission_denied, subject_of(pid),
          fmt::format("process {}{} traces it already", tracer, stat ? " (" + clean(stat->name) + ")" : ""),
          "detach it there (gdb: detach); killing the tracer may kill this process"};
}

bool tracer_patience::goes_on(pid_t tracer) {
  ++refusals_;
  if (std::chrono::steady_clock::now() > until_) return false;
  // It has let go just now, and others may come before us; else we may not, however often we ask.
  if (tracer == 0) return was_traced_ || refusals_ <= 3;
  const auto its = read_stat(tracer), ours = read_stat(::getpid());
  if (!its) return true;
  if (!ours || its->name != ours->name) return false;
  const auto target = read_stat(pid_);
  was_traced_ = !target || status_line(tracer, "Tgid") != std::to_string(target->ppid);
  return was_traced_;
}

}  // namespace tasks::cli
