#include "target.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <set>

#include "proc.hpp"

namespace tasks::cli {
namespace {

struct mapping {
  std::uint64_t start;
  std::uint64_t offset;
  bool executable;
  std::string_view device;
  std::uint64_t inode;
  std::string_view range;
  std::string_view path;
};

/// "start-end perms offset device inode  path"; nothing for memory that no file backs.
std::optional<mapping> parse_mapping(std::string_view line) {
  mapping m{};
  const auto number = [&line](auto& value, int base) {
    const auto [end, ec] = std::from_chars(line.data(), line.data() + line.size(), value, base);
    line.remove_prefix(static_cast<std::size_t>(end - line.data()));
    return ec == std::errc{};
  };
  const auto whole = line;
  std::uint64_t end = 0;
  if (!number(m.start, 16) || !line.starts_with('-')) return std::nullopt;
  line.remove_prefix(1);
  if (!number(end, 16) || line.size() < 6) return std::nullopt;
  m.range = whole.substr(0, whole.size() - line.size());
  m.executable = line[3] == 'x';
  line.remove_prefix(6);
  if (!number(m.offset, 16) || line.size() < 2) return std::nullopt;
  line.remove_prefix(1);
  const auto device_end = line.find(' ');
  if (device_end == line.npos) return std::nullopt;
  m.device = line.substr(0, device_end);
  line.remove_prefix(device_end + 1);
  if (!number(m.inode, 10) || m.inode == 0) return std::nullopt;
  const auto slash = line.find('/');
  if (slash == line.npos) return std::nullopt;
  m.path = line.substr(slash);
  return m;
}

/// Opens the mapped file itself, also when it was deleted or replaced since; else what now has its path.
unique_fd open_mapped(pid_t pid, const mapping& m) {
  unique_fd fd(::open(fmt::format("/proc/{}/map_files/{}", pid, m.range).c_str(), O_RDONLY | O_CLOEXEC));
  if (fd) return fd;
  if (unique_fd by_path(::open(fmt::format("/proc/{}/root{}", pid, m.path).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
      by_path) {
    return by_path;
  }
  const auto exe = fmt::format("/proc/{}/exe", pid);
  if (read_link(exe.c_str()) != m.path) return {};
  return unique_fd(::open(exe.c_str(), O_RDONLY | O_CLOEXEC));
}

using root_bytes = std::array<char, sizeof(layout::root)>;

template <class T>
T field(const root_bytes& bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

/// 0, or the errno with which the root could not be read; EINVAL: there is none at that address.
int read_root(pid_t pid, std::uint64_t address, root_copy& copy) {
  root_bytes bytes;
  iovec local{bytes.data(), bytes.size()};
  // The address is the target's, never dereferenced here.
  iovec remote{reinterpret_cast<void*>(address), bytes.size()};  // NOLINT
  const auto n = ::process_vm_readv(pid, &local, 1, &remote, 1, 0);
  if (n < 0) return errno;
  if (n != static_cast<ssize_t>(bytes.size())) return EFAULT;
  if (field<std::uint64_t>(bytes, offsetof(layout::root, magic)) != layout::root_magic) return EINVAL;
  copy.address = address;
  copy.layout = field<std::uint32_t>(bytes, offsetof(layout::root, layout));
  copy.pid = static_cast<pid_t>(field<std::uint32_t>(bytes, offsetof(layout::root, pid)));
  copy.agent = static_cast<layout::agent_status>(field<std::uint32_t>(bytes, offsetof(layout::root, agent)));
  copy.agent_errno = field<std::int32_t>(bytes, offsetof(layout::root, agent_errno));
  copy.start_time = field<std::uint64_t>(bytes, offsetof(layout::root, start_time));
  const char* path = bytes.data() + offsetof(layout::root, socket_path);
  copy.socket_path.assign(path, ::strnlen(path, sizeof(layout::root::socket_path)));
  return 0;
}

std::string with_errno(std::string text, int number) {
  if (number != 0) text += fmt::format(": {}", ::strerror(number));
  return text;
}

std::string describe(const root_copy& root, pid_t inner_pid) {
  using enum layout::agent_status;
  if (root.pid != 0 && root.pid != inner_pid) return "the process is a fork, and its parent had the agent";
  switch (root.agent) {
    case absent:
      return "none was started";
    case starting:
      return "it is still starting";
    case listening:
      return "its socket " + root.socket_path + " does not answer";
    case off:
      return "TASKS_AGENT=off in its environment";
    case no_directory:
      return with_errno("its socket directory cannot be made or used", root.agent_errno);
    case unsafe_directory:
      return "its socket directory is a symlink, another user's, or open to others";
    case no_socket:
      return with_errno("its socket cannot be made", root.agent_errno);
    case no_thread:
      return with_errno("its thread cannot be started", root.agent_errno);
    case served_elsewhere:
      return "another agent of the process should serve it";
    case stopped:
      return "it was stopped";
    case forked:
      return "the process is a fork, and its parent had the agent";
  }
  return fmt::format("status {} in its root is not known to this tasks", static_cast<unsigned>(root.agent));
}

}  // namespace

std::string subject_of(pid_t pid) { return fmt::format("pid {}", pid); }

target_roots root_finder::find(pid_t pid) {
  target_roots result;
  const auto maps = read_file(fmt::format("/proc/{}/maps", pid).c_str());
  if (!maps) {
    result.failure = errno;
    return result;
  }
  std::vector<mapping> mappings;
  for (std::string_view rest = *maps; !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    if (const auto m = parse_mapping(rest.substr(0, end))) mappings.push_back(*m);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  std::set<std::uint64_t> seen;
  for (const auto& code : mappings) {
    if (!code.executable) continue;
    const auto id = file_id(code.device, code.inode);
    auto known = files_.find(id);
    if (known == files_.end()) {
      const auto fd = open_mapped(pid, code);
      known = files_.emplace(id, fd ? read_notes(fd.get()) : elf_notes{}).first;
    }
    const auto& file = known->second;
    if (file.notes.empty() || file.segments.empty()) continue;
    result.instrumented = true;
    // Every mapping of the file's first segment is one copy of the object (dlmopen makes several).
    const auto& first = file.segments.front();
    for (const auto& m : mappings) {
      if (m.inode != code.inode || m.device != code.device || m.offset != first.offset) continue;
      for (const auto& note : file.notes) {
        const auto address = m.start - first.address + note.root;
        if (!seen.insert(address).second) continue;
        root_copy copy;
        if (const int failure = read_root(pid, address, copy); failure == 0) {
          result.roots.push_back(std::move(copy));
        } else if (failure != EINVAL && failure != EFAULT) {
          result.failure = failure;
        }
      }
    }
  }
  return result;
}

result<pid_t> find_process(std::string_view word) {
  if (!word.empty() && word.find_first_not_of("0123456789") == word.npos) {
    pid_t pid = 0;
    const auto end = word.data() + word.size();
    const auto [at, ec] = std::from_chars(word.data(), end, pid);
    if (ec != std::errc{} || at != end || pid == 0 || !read_stat(pid)) {
      return error{error_code::no_such_process, fmt::format("pid {}", word), "no such process",
                   "tasks list shows those there are"};
    }
    return pid;
  }
  std::vector<pid_t> matches;
  for (const pid_t pid : all_pids()) {
    if (pid == ::getpid()) continue;
    const auto stat = read_stat(pid);
    if (stat && (stat->name == word || base_name(executable_of(pid)) == word)) matches.push_back(pid);
  }
  if (matches.size() == 1) return matches.front();
  if (matches.empty()) {
    return error{error_code::no_such_process, std::string(word), "no process has this name",
                 "tasks list shows those there are"};
  }
  return error{error_code::ambiguous_name, std::string(word),
               fmt::format("{} processes have this name: {}", matches.size(), fmt::join(matches, ", ")),
               "give the PID of one"};
}

std::string reason_without_agent(const target_roots& roots, pid_t inner_pid) {
  // The root that says most: one whose agent was tried, before one where nobody asked for an agent.
  const root_copy* best = nullptr;
  for (const auto& root : roots.roots) {
    if (!best || (best->agent == layout::agent_status::absent && root.agent != layout::agent_status::absent))
      best = &root;
  }
  return best ? describe(*best, inner_pid) : "its memory cannot be read";
}

error no_agent_error(pid_t pid, const target_roots& roots) {
  const auto subject = subject_of(pid);
  const bool denied = roots.failure == EPERM || roots.failure == EACCES;
  if (!read_stat(pid)) return {error_code::no_such_process, subject, "the process has ended", ""};
  if (denied && roots.roots.empty()) {
    return {error_code::permission_denied, subject, "permission denied",
            ::geteuid() == 0 ? "it is protected even from root" : "run as its owner, or as root"};
  }
  if (!roots.instrumented) {
    return {error_code::not_instrumented, subject, "not instrumented",
            "link tasks::asio or tasks::boost_asio into the program"};
  }
  for (const auto& root : roots.roots) {
    if (root.layout != layout::version) {
      return {error_code::protocol_mismatch, subject,
              fmt::format("its registry has layout {}, this tasks reads layout {}", root.layout, layout::version),
              "use the tasks of the release that the program was built with"};
    }
  }
  return {error_code::no_agent, subject, "no agent is listening: " + reason_without_agent(roots, innermost_pid(pid)),
          "start one with tasks::agent, or link tasks::autostart"};
}

}  // namespace tasks::cli
