#include "linux/proc.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.hpp"
#include "linux/fields.hpp"

namespace tasks::cli {
namespace {

bool has_gone(char state) noexcept { return state == 'Z' || state == 'X'; }

/// The entries of a directory that are numbers, in order.
std::vector<pid_t> numbers_in(const char* path) {
  std::vector<pid_t> numbers;
  DIR* directory = ::opendir(path);
  if (!directory) return numbers;
  while (const auto* entry = ::readdir(directory)) {
    pid_t number = 0;
    if (parse_number(std::string_view(entry->d_name), number)) numbers.push_back(number);
  }
  ::closedir(directory);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace

std::optional<std::string> read_file(const char* path) {
  const descriptor fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  std::string text;
  std::size_t used = 0;
  for (;;) {
    text.resize(std::max<std::size_t>(4096, used * 2));
    const auto n = ::read(fd.get(), text.data() + used, text.size() - used);
    if (n < 0) return std::nullopt;
    if (n == 0) break;
    used += static_cast<std::size_t>(n);
  }
  text.resize(used);
  return text;
}

std::optional<std::string> read_link(const char* path) {
  char buffer[4096];
  const auto n = ::readlink(path, buffer, sizeof buffer);
  if (n < 0) return std::nullopt;
  return std::string(buffer, static_cast<std::size_t>(n));
}

std::optional<process_stat> parse_stat(std::string_view text) {
  // "pid (name) state ppid …": the name may hold spaces and parentheses, so its end is the last one.
  const auto open = text.find('('), close = text.rfind(')');
  if (open == text.npos || close == text.npos || open < 2 || close < open) return std::nullopt;
  process_stat stat;
  if (!parse_number(text.substr(0, open - 1), stat.pid)) return std::nullopt;
  stat.name = text.substr(open + 1, close - open - 1);
  auto rest = text.substr(close + 1);
  const auto state = next_field(rest);
  if (state.empty()) return std::nullopt;
  stat.state = state.front();
  std::uint64_t user = 0, system = 0;
  for (int field = 4; field <= 24; ++field) {
    const auto value = next_field(rest);
    const bool good = field == 4    ? parse_number(value, stat.ppid)
                      : field == 14 ? parse_number(value, user)
                      : field == 15 ? parse_number(value, system)
                      : field == 24 ? parse_number(value, stat.rss_pages)
                      : field == 20 ? parse_number(value, stat.threads)
                      : field == 22 ? parse_number(value, stat.start_time)
                                    : !value.empty();
    if (!good) return std::nullopt;
  }
  stat.cpu_ticks = user + system;
  return stat;
}

std::optional<process_stat> read_stat(pid_t pid) {
  const descriptor fd(::open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC));
  char text[2048];  // one line of 52 numbers and a name
  const auto n = fd ? ::read(fd.get(), text, sizeof text) : -1;
  if (n <= 0) return std::nullopt;
  return parse_stat({text, static_cast<std::size_t>(n)});
}

std::optional<process_stat> read_stat(pid_t pid, pid_t tid) {
  const auto text = read_file(fmt::format("/proc/{}/task/{}/stat", pid, tid).c_str());
  return text ? parse_stat(*text) : std::nullopt;
}

bool process_has_ended(const process_stat& stat) noexcept {
  // The kernel counts the main thread as long as there are others.
  return stat.state == 'X' || (stat.state == 'Z' && stat.threads <= 1);
}

pid_t living_thread(const process_stat& leader) {
  if (!has_gone(leader.state) || process_has_ended(leader)) return leader.pid;
  for (const auto tid : all_tids(leader.pid))
    if (!has_ended(leader.pid, tid)) return tid;
  return leader.pid;
}

pid_t living_thread(pid_t pid) {
  const auto leader = read_stat(pid);
  return leader ? living_thread(*leader) : pid;
}

std::optional<stop_cause> find_stop(pid_t pid) {
  const auto leader = read_stat(pid);
  return leader ? find_stop(*leader) : std::nullopt;
}

std::optional<stop_cause> find_stop(const process_stat& leader) {
  const auto stands = [](char state) { return state == 'T' || state == 't'; };
  if (!stands(leader.state) && !has_gone(leader.state)) return std::nullopt;
  bool any = false;
  pid_t traced = 0;
  for (const auto tid : all_tids(leader.pid)) {
    const auto stat = read_stat(leader.pid, tid);
    if (!stat || has_gone(stat->state)) continue;
    if (!stands(stat->state)) return std::nullopt;
    any = true;
    if (stat->state == 't') traced = tid;
  }
  if (!any) return std::nullopt;
  if (traced == 0) return stop_cause{0, "stopped by a signal"};
  const auto tracer = tracer_of(traced);
  if (tracer == 0) return stop_cause{0, "stopped, and traced"};
  if (tracer == ::getpid()) return stop_cause{tracer, "held where it ends"};
  const auto who = read_stat(tracer);
  return stop_cause{tracer,
                    fmt::format("stopped, traced by process {}{}", tracer, who ? " (" + clean(who->name) + ")" : "")};
}

pid_t tracer_of(pid_t tid) {
  pid_t tracer = 0;
  parse_number(status_line(tid, "TracerPid").value_or(""), tracer);
  return tracer;
}

bool has_ended(pid_t pid, pid_t tid) {
  const auto stat = read_stat(pid, tid);
  return !stat || has_gone(stat->state);
}

std::optional<std::string> status_line(pid_t pid, std::string_view name) {
  const auto status = read_file(fmt::format("/proc/{}/status", pid).c_str());
  if (!status) return std::nullopt;
  std::optional<std::string> found;
  each_line(*status, [&](std::string_view line) {
    if (found || !line.starts_with(name) || line.substr(name.size(), 1) != ":") return;
    line.remove_prefix(name.size() + 1);
    found.emplace(line.substr(std::min(line.find_first_not_of(" \t"), line.size())));
  });
  return found;
}

std::vector<pid_t> all_pids() { return numbers_in("/proc"); }

std::vector<pid_t> all_tids(pid_t pid) { return numbers_in(fmt::format("/proc/{}/task", pid).c_str()); }

pid_t innermost_pid(pid_t pid) {
  pid_t inner = pid;
  const auto ids = status_line(pid, "NSpid").value_or("");
  std::string_view rest = ids;
  for (auto field = next_field(rest); !field.empty(); field = next_field(rest)) parse_number(field, inner);
  return inner;
}

namespace {

std::string executable_of_thread(pid_t living) {
  auto path = read_link(fmt::format("/proc/{}/exe", living).c_str());
  if (!path) return {};
  constexpr std::string_view deleted = " (deleted)";
  if (path->ends_with(deleted)) path->resize(path->size() - deleted.size());
  return *std::move(path);
}

}  // namespace

std::string executable_of(pid_t pid) { return executable_of_thread(living_thread(pid)); }
std::string executable_of(const process_stat& leader) { return executable_of_thread(living_thread(leader)); }

std::string directory_of(pid_t pid) {
  return read_link(fmt::format("/proc/{}/cwd", living_thread(pid)).c_str()).value_or("");
}

std::string executable_mappings(pid_t pid) {
  std::string found;
  const auto maps = read_file(fmt::format("/proc/{}/maps", living_thread(pid)).c_str()).value_or("");
  for (std::size_t begin = 0; begin < maps.size();) {
    const auto end = std::min(maps.find('\n', begin), maps.size());
    const auto line = std::string_view(maps).substr(begin, end - begin);
    const auto rights = line.find(' ');
    if (rights != line.npos && line.substr(rights + 1, 4).find('x') != line.npos) found.append(line) += '\n';
    begin = end + 1;
  }
  return found;
}

std::vector<std::string> command_line_of(pid_t pid) {
  std::vector<std::string> words;
  const auto text = read_file(fmt::format("/proc/{}/cmdline", living_thread(pid)).c_str()).value_or("");
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\0', begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

machine_name this_machine() {
  utsname system{};
  ::uname(&system);
  return {system.nodename, fmt::format("{} {} {}", system.sysname, system.release, system.machine)};
}

bool has_executable(pid_t pid) {
  char first;
  const auto has = [&](pid_t id) { return ::readlink(fmt::format("/proc/{}/exe", id).c_str(), &first, 1) >= 0; };
  if (has(pid)) return true;
  const auto living = living_thread(pid);
  return living != pid && has(living);
}

std::optional<uid_t> owner_of(pid_t pid) {
  struct stat st {};
  if (::stat(fmt::format("/proc/{}", pid).c_str(), &st) != 0) return std::nullopt;
  return st.st_uid;
}

double uptime_of(std::uint64_t start_time) {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const double age = static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9 -
                     static_cast<double>(start_time) / ticks;
  return std::max(age, 0.0);
}

}  // namespace tasks::cli
