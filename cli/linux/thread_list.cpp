#include "linux/thread_list.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "linux/fields.hpp"
#include "linux/proc.hpp"

namespace tasks::cli {
namespace {

double percent(std::uint64_t ticks, double seconds) {
  if (seconds <= 0) return 0;
  return 100 * static_cast<double>(ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK)) / seconds;
}

}  // namespace

std::vector<os_thread> list_threads(pid_t pid) {
  std::vector<os_thread> threads;
  const inner_numbers inner(pid);
  for (const pid_t tid : all_tids(pid)) {
    const auto stat = read_stat(pid, tid);
    if (!stat) continue;
    threads.push_back({tid, inner.of(tid), stat->name, stat->state, stat->cpu_ticks, stat->start_time});
  }
  std::stable_partition(threads.begin(), threads.end(), [pid](const os_thread& t) { return t.tid == pid; });
  return threads;
}

std::optional<blocking_call> read_blocking_call(pid_t pid, pid_t tid) {
  const auto text = read_file(fmt::format("/proc/{}/task/{}/syscall", pid, tid).c_str());
  blocking_call call;
  // "202 0x7f… 0x80 …", "running", or "-1 …" where it is blocked outside of a system call.
  std::string_view rest = text ? *text : std::string_view();
  if (!parse_number(next_field(rest), call.number)) return std::nullopt;
  const auto argument = next_field(rest);
  if (!argument.starts_with("0x")) return std::nullopt;
  if (!parse_number(argument.substr(2), call.argument, 16)) return std::nullopt;
  return call.number < 0 ? std::nullopt : std::optional(call);
}

double cpu_percent(const os_thread& thread) { return percent(thread.cpu_ticks, uptime_of(thread.start_time)); }

double cpu_percent(const os_thread& before, const os_thread& after, double seconds) {
  return percent(after.cpu_ticks - before.cpu_ticks, seconds);
}

std::string_view thread_state_name(char state) {
  switch (state) {
    case 'R':
      return "running";
    case 'S':
    case 'I':
      return "sleeping";
    case 'D':
      return "uninterruptible";
    case 'T':
      return "stopped";
    case 't':
      return "traced";
    case 'Z':
    case 'X':
      return "ended";
    default:
      return "unknown";
  }
}

}  // namespace tasks::cli
