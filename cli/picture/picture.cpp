#include "picture/picture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include "base/words.hpp"
#include "linux/proc.hpp"
#include "sources/memory_source.hpp"
#include "target/core_registers.hpp"

namespace tasks::cli::leaks {
namespace {

/// What a process has in memory, its files included.
std::uint64_t resident_bytes(pid_t pid) {
  constexpr std::uint64_t page = 4096;
  const auto text = read_file(fmt::format("/proc/{}/statm", pid).c_str()).value_or("");
  std::uint64_t pages = 0;
  const auto second = std::min(text.find(' '), text.size());
  std::from_chars(text.data() + std::min(second + 1, text.size()), text.data() + text.size(), pages);
  return pages * page;
}

/// What can be had without pushing others out: MemAvailable of /proc/meminfo, see proc(5).
std::optional<std::uint64_t> available_bytes() {
  constexpr std::string_view name = "MemAvailable:";
  const auto text = read_file("/proc/meminfo").value_or("");
  const auto at = text.find(name);
  if (at == text.npos) return std::nullopt;
  const auto number = text.find_first_not_of(' ', at + name.size());
  std::uint64_t kib = 0;
  if (number == text.npos || std::from_chars(text.data() + number, text.data() + text.size(), kib).ec != std::errc())
    return std::nullopt;
  return kib * 1024;
}

}  // namespace

result<std::vector<root_copy>> roots_of(pid_t pid) {
  root_finder finder;
  auto found = finder.find(pid);
  if (auto why = unreadable(pid, found)) return *std::move(why);
  const auto inner_pid = innermost_pid(pid);
  std::erase_if(found.roots, [&](const root_copy& root) { return root.pid != inner_pid; });
  return std::move(found.roots);
}

result<picture> take_picture(pid_t pid, std::vector<root_copy> roots) {
  using clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds patience{1000};
  const auto needed = resident_bytes(pid) / 16 * 17;
  if (const auto free = available_bytes(); free && needed > *free) {
    return error{error_code::system, subject_of(pid),
                 fmt::format("there is no room for a copy of its memory: {} of {} are available", format_bytes(*free),
                             format_bytes(needed)),
                 "look at a core of it on another machine, or use --no-prove"};
  }
  own_memory room(needed, true);
  const auto begin = clock::now();
  auto stop = process_stop::begin(pid, patience);
  if (!stop) return stop.why();
  const auto now = process_memory(pid);
  picture taken{memory_image(*now, pages_of(pid), std::move(room)), stop->threads(), {}, std::move(roots), 0};
  taken.kernel = read_kernel_words(pid, taken.image.regions());
  stop->end();
  taken.stopped_ms = std::chrono::duration<double, std::milli>(clock::now() - begin).count();
  return taken;
}

result<picture> take_picture(const snapshot_source& source) {
  if (source.is_alive()) {
    auto roots = roots_of(source.pid());
    if (!roots) return roots.why();
    return take_picture(source.pid(), *std::move(roots));
  }
  const auto& core = dynamic_cast<const memory_source&>(source);
  return picture{memory_image(core.bytes(), {}), registers_of(*core.core()), {}, core.roots(), 0};
}

}  // namespace tasks::cli::leaks
