#include "linux/kernel_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "linux/proc.hpp"

namespace tasks::cli {
namespace {

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

void read_descriptors(pid_t pid, kernel_words& kernel) {
  std::error_code error;
  for (std::filesystem::directory_iterator it(fmt::format("/proc/{}/fd", pid), error), end; !error && it != end;
       it.increment(error)) {
    const auto name = it->path().filename().string();
    const auto target = read_link(it->path().c_str());
    if (!target) {
      kernel.forbids = fmt::format("file descriptor {} cannot be read", name);
    } else if (*target == "anon_inode:[io_uring]") {
      kernel.forbids = "it uses io_uring, whose requests cannot be read";
    } else if (*target == "anon_inode:[eventpoll]") {
      const auto info = read_file(fmt::format("/proc/{}/fdinfo/{}", pid, name).c_str());
      std::uint64_t fd = 0;
      std::from_chars(name.data(), name.data() + name.size(), fd);
      if (!info) {
        kernel.forbids = fmt::format("epoll instance {} cannot be read", name);
        continue;
      }
      for (const auto word : epoll_data(*info)) kernel.words.push_back({word, fd});
    }
  }
  if (error) kernel.forbids = "its file descriptors cannot be read";
}

}  // namespace

std::vector<std::uint64_t> epoll_data(std::string_view fdinfo) { return numbers_after(fdinfo, "data:"); }

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

kernel_words read_kernel_words(pid_t pid, const std::vector<memory_region>& regions) {
  kernel_words kernel;
  read_descriptors(pid, kernel);
  const auto timers = read_file(fmt::format("/proc/{}/timers", pid).c_str());
  if (!timers) kernel.forbids = "its timers cannot be read";
  if (timers)
    for (const auto word : timer_values(*timers)) kernel.words.push_back({word, kernel_words::no_descriptor});
  for (const auto& region : regions) {
    if (region.path.starts_with("anon_inode:[io_uring]"))
      kernel.forbids = "it uses io_uring, whose requests cannot be read";
    if (region.path == "/[aio] (deleted)" || region.path == "/[aio]")
      kernel.forbids = "it uses Linux AIO, whose requests cannot be read";
  }
  return kernel;
}

}  // namespace tasks::cli
