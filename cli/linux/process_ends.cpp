#include "linux/process_ends.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "linux/proc.hpp"

namespace tasks::cli {

void wait_for_ends(std::span<const pid_t> processes, std::chrono::steady_clock::time_point until) {
  std::vector<descriptor> watched;
  std::vector<pollfd> ending;
  for (const pid_t pid : processes) {
    watched.emplace_back(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (watched.back()) ending.push_back({watched.back().get(), POLLIN, 0});
  }
  while (!ending.empty()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0 || ::poll(ending.data(), ending.size(), static_cast<int>(left.count())) <= 0) break;
    std::erase_if(ending, [](const pollfd& each) { return each.revents != 0; });
  }
}

}  // namespace tasks::cli
