#include "linux/proc.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.hpp"

namespace tasks::cli {
namespace {

template <class T>
bool parse_number(std::string_view text, T& value, int base = 10) {
  const auto end = text.data() + text.size();
  const auto [at, ec] = std::from_chars(text.data(), end, value, base);
  return ec == std::errc{} && at == end;
}

std::string_view next_field(std::string_view& line) {
  const auto begin = line.find_first_not_of(" \t");
  if (begin == line.npos) return line = {};
  const auto end = std::min(line.find_first_of(" \t", begin), line.size());
  const auto field = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return field;
}

template <class Visit>
void each_line(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    visit(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

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

unique_fd& unique_fd::operator=(unique_fd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = other.release();
  }
  return *this;
}

unique_fd::~unique_fd() {
  if (fd_ >= 0) ::close(fd_);
}

int unique_fd::release() noexcept { return std::exchange(fd_, -1); }

std::optional<std::string> read_file(const char* path) {
  const unique_fd fd(::open(path, O_RDONLY | O_CLOEXEC));
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
  const unique_fd fd(::open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC));
  char text[2048];  // one line of 52 numbers and a name
  const auto n = fd ? ::read(fd.get(), text, sizeof text) : -1;
  if (n <= 0) return std::nullopt;
  return parse_stat({text, static_cast<std::size_t>(n)});
}

std::vector<pid_t> all_pids() { return numbers_in("/proc"); }

std::vector<pid_t> all_tids(pid_t pid) { return numbers_in(fmt::format("/proc/{}/task", pid).c_str()); }

pid_t innermost_pid(pid_t pid) {
  pid_t inner = pid;
  if (const auto status = read_file(fmt::format("/proc/{}/status", pid).c_str())) {
    each_line(*status, [&](std::string_view line) {
      if (!line.starts_with("NSpid:")) return;
      line.remove_prefix(6);
      for (auto field = next_field(line); !field.empty(); field = next_field(line)) parse_number(field, inner);
    });
  }
  return inner;
}

std::string executable_of(pid_t pid) {
  auto path = read_link(fmt::format("/proc/{}/exe", pid).c_str());
  if (!path) return {};
  constexpr std::string_view deleted = " (deleted)";
  if (path->ends_with(deleted)) path->resize(path->size() - deleted.size());
  return *std::move(path);
}

bool has_executable(pid_t pid) {
  char first;
  return ::readlink(fmt::format("/proc/{}/exe", pid).c_str(), &first, 1) >= 0;
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

std::vector<listening_socket> listening_sockets(pid_t pid) {
  const auto path = pid ? fmt::format("/proc/{}/net/unix", pid) : std::string("/proc/net/unix");
  const auto text = read_file(path.c_str());
  std::vector<listening_socket> sockets;
  if (!text) return sockets;
  // Num RefCount Protocol Flags Type St Inode Path; bit 16 of Flags: listens.
  each_line(*text, [&](std::string_view line) {
    const auto slash = line.find('/');
    if (slash == line.npos) return;
    const auto socket_path = line.substr(slash);
    for (int i = 0; i < 3; ++i) next_field(line);
    std::uint64_t flags = 0, inode = 0;
    if (!parse_number(next_field(line), flags, 16) || !(flags & 0x10000)) return;
    for (int i = 0; i < 2; ++i) next_field(line);
    if (parse_number(next_field(line), inode)) sockets.push_back({std::string(socket_path), inode});
  });
  return sockets;
}

std::optional<agent_name> agent_named_by(std::string_view socket_path) {
  auto name = base_name(socket_path);
  if (name.size() + 1 >= socket_path.size()) return std::nullopt;
  const auto folder = socket_path.substr(0, socket_path.size() - name.size() - 1);
  if (const auto directory = base_name(folder); directory != "tasks") {
    unsigned uid = 0;
    if (!directory.starts_with("tasks-") || !parse_number(directory.substr(6), uid)) return std::nullopt;
  }
  const bool as_bound = name.starts_with('.');
  if (as_bound) name.remove_prefix(1);
  const auto number = name.substr(0, name.find('-'));
  std::uint64_t instance = 0;
  if (number != name && !parse_number(name.substr(number.size() + 1), instance, 16)) return std::nullopt;
  agent_name found{};
  if (!parse_number(number, found.pid) || found.pid <= 0) return std::nullopt;
  found.paths.push_back(fmt::format("{}/{}", folder, name));
  if (as_bound) found.paths.push_back(fmt::format("{}/{}", folder, number));
  return found;
}

}  // namespace tasks::cli
