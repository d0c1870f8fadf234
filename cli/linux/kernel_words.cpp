#include "linux/kernel_words.hpp"

#include <fmt/format.h>
#include <sys/syscall.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <system_error>

#include "linux/descriptor_tables.hpp"
#include "linux/fields.hpp"
#include "linux/pipe_bytes.hpp"
#include "linux/proc.hpp"
#include "linux/thread_list.hpp"

namespace tasks::cli {
namespace {

constexpr const char* uses_rings = "it uses io_uring, whose requests cannot be read";

/// The hexadecimal numbers that follow each `key`.
std::vector<std::uint64_t> numbers_after(std::string_view text, std::string_view key) {
  std::vector<std::uint64_t> found;
  for (auto at = text.find(key); at != text.npos; at = text.find(key, at)) {
    at = std::min(text.find_first_not_of(' ', at + key.size()), text.size());
    std::uint64_t value = 0;
    if (std::from_chars(text.data() + at, text.data() + text.size(), value, 16).ec == std::errc{})
      found.push_back(value);
  }
  return found;
}

/// The Unix sockets that a process can have, by inode: does it listen?
std::map<std::uint64_t, bool> unix_sockets(pid_t pid) {
  std::map<std::uint64_t, bool> inodes;
  const auto text = read_file(fmt::format("/proc/{}/net/unix", pid).c_str());
  if (!text) return inodes;
  // Num RefCount Protocol Flags Type St Inode Path; bit 16 of Flags: listens.
  each_line(*text, [&](std::string_view line) {
    for (int i = 0; i < 3; ++i) next_field(line);
    std::uint64_t flags = 0, inode = 0;
    if (!parse_number(next_field(line), flags, 16)) return;
    for (int i = 0; i < 2; ++i) next_field(line);
    if (parse_number(next_field(line), inode)) inodes[inode] = (flags & 0x10000) != 0;
  });
  return inodes;
}

std::optional<std::uint64_t> inode_of_socket(std::string_view target) {
  constexpr std::string_view before = "socket:[";
  std::uint64_t inode = 0;
  if (!target.starts_with(before)) return std::nullopt;
  target.remove_prefix(before.size());
  if (!parse_number(target.substr(0, target.find(']')), inode)) return std::nullopt;
  return inode;
}

/// A descriptor that was sent to a Unix socket and not received yet is in no table, and may be an epoll instance.
/// Before Linux 5.6 the kernel does not count them, but a stream has a byte with each.
void note_descriptors_in_flight(pid_t pid, std::uint32_t fd, std::optional<std::uint64_t> bytes, kernel_words& kernel) {
  const auto count = descriptors_in_flight(read_file(fmt::format("/proc/{}/fdinfo/{}", pid, fd).c_str()).value_or(""));
  if (count == 0 || (!count && bytes == 0)) return;
  kernel.forbids = fmt::format("{} to the Unix socket of descriptor {} and not received yet cannot be looked at",
                               count ? "a descriptor that was sent" : "what was sent, descriptors perhaps,", fd);
}

/// Whether a pointer may be in a pipe or a Unix socket: it has room for one.
void note_bytes_in_flight(pid_t pid, std::uint32_t fd, std::string_view target,
                          const std::map<std::uint64_t, bool>& sockets, kernel_words& kernel) {
  const bool is_pipe = target.starts_with("pipe:[");
  bool listens = false;
  if (!is_pipe) {
    const auto inode = inode_of_socket(target);
    const auto known = inode ? sockets.find(*inode) : sockets.end();
    if (known == sockets.end()) return;
    listens = known->second;
  }
  const auto bytes = listens ? std::optional<std::uint64_t>(0) : bytes_in_pipe(pid, fd);
  if (!is_pipe) note_descriptors_in_flight(pid, fd, bytes, kernel);
  if (bytes && *bytes < sizeof(std::uint64_t)) return;
  kernel.in_flight =
      fmt::format("what is in the {} of descriptor {} cannot be read, and may be the address of its handler",
                  is_pipe ? "pipe" : "Unix socket", fd);
}

/// `pid`: of a thread that has them.
void read_descriptors(pid_t pid, const std::set<std::uint64_t>& but, kernel_words& kernel) {
  const auto sockets = unix_sockets(pid);
  std::error_code error;
  for (std::filesystem::directory_iterator it(fmt::format("/proc/{}/fd", pid), error), end; !error && it != end;
       it.increment(error)) {
    const auto name = it->path().filename().string();
    const auto target = read_link(it->path().c_str());
    std::uint32_t fd = 0;
    std::from_chars(name.data(), name.data() + name.size(), fd);
    if (!target) {
      kernel.forbids = fmt::format("file descriptor {} cannot be read", name);
    } else if (*target == "anon_inode:[io_uring]") {
      kernel.forbids = uses_rings;
    } else if (*target == "anon_inode:[eventpoll]") {
      const auto info = read_file(fmt::format("/proc/{}/fdinfo/{}", pid, name).c_str());
      if (!info) {
        kernel.forbids = fmt::format("epoll instance {} cannot be read", name);
        continue;
      }
      const auto watches = epoll_watches(*info);
      const auto is_left_out = [&](const epoll_watch& each) {
        return but.contains(each.inode) && read_link(fmt::format("/proc/{}/fd/{}", pid, each.descriptor).c_str()) ==
                                               fmt::format("socket:[{}]", each.inode);
      };
      if (std::any_of(watches.begin(), watches.end(), is_left_out)) continue;
      for (const auto& each : watches) kernel.words.push_back({each.data, fd});
    } else {
      note_bytes_in_flight(pid, fd, *target, sockets, kernel);
    }
  }
  if (error) kernel.forbids = "its file descriptors cannot be read";
}

/// A ring may have neither a descriptor nor a mapping (IORING_SETUP_NO_MMAP, IORING_SETUP_REGISTERED_FD_ONLY). Then it
/// shows only where the kernel has threads for it, or where a thread waits for it.
void note_threads_of_rings(pid_t pid, kernel_words& kernel) {
  for (const auto tid : all_tids(pid)) {
    const auto stat = read_stat(pid, tid);
    const auto call = read_blocking_call(pid, tid);
    if ((stat && stat->name.starts_with("iou-")) || (call && call->number == SYS_io_uring_enter))
      kernel.forbids = uses_rings;
  }
}

}  // namespace

// "tfd:        9 events: 80000019 data:     5581d0a6fd10  pos:0 ino:e3f2 sdev:8"
std::vector<epoll_watch> epoll_watches(std::string_view fdinfo) {
  std::vector<epoll_watch> found;
  each_line(fdinfo, [&](std::string_view line) {
    const auto data = numbers_after(line, "data:"), inode = numbers_after(line, "ino:");
    if (next_field(line) != "tfd:" || data.empty()) return;
    epoll_watch watch{0, data[0], inode.empty() ? 0 : inode[0]};
    parse_number(next_field(line), watch.descriptor);
    found.push_back(watch);
  });
  return found;
}

// "scm_fds: 1".
std::optional<std::uint64_t> descriptors_in_flight(std::string_view fdinfo) {
  std::optional<std::uint64_t> found;
  each_line(fdinfo, [&](std::string_view line) {
    std::uint64_t count = 0;
    if (next_field(line) == "scm_fds:" && parse_number(next_field(line), count)) found = count;
  });
  return found;
}

// "signal: 60/00007fff86e452a8": number and value.
std::vector<std::uint64_t> timer_values(std::string_view timers) {
  std::vector<std::uint64_t> found;
  while (!timers.empty()) {
    const auto end = std::min(timers.find('\n'), timers.size());
    const auto line = timers.substr(0, end);
    if (line.starts_with("signal:"))
      for (const auto value : numbers_after(line, "/")) found.push_back(value);
    timers.remove_prefix(std::min(end + 1, timers.size()));
  }
  return found;
}

kernel_words read_kernel_words(pid_t pid, const std::vector<memory_region>& regions,
                               const std::set<std::uint64_t>& but) {
  kernel_words kernel;
  for (const auto tid : holders_of_descriptor_tables(pid)) read_descriptors(tid, but, kernel);
  note_threads_of_rings(pid, kernel);
  const auto timers = read_file(fmt::format("/proc/{}/timers", pid).c_str());
  if (!timers) kernel.forbids = "its timers cannot be read";
  if (timers)
    for (const auto word : timer_values(*timers)) kernel.words.push_back({word, kernel_words::no_descriptor});
  for (const auto& region : regions) {
    if (region.path.starts_with("anon_inode:[io_uring]")) kernel.forbids = uses_rings;
    if (region.path == "/[aio] (deleted)" || region.path == "/[aio]")
      kernel.forbids = "it uses Linux AIO, whose requests cannot be read";
  }
  return kernel;
}

}  // namespace tasks::cli
