#include "linux/cpu_times.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "linux/fields.hpp"
#include "linux/thread_list.hpp"

namespace tasks::cli {
namespace {

std::string file_of_thread(pid_t pid, pid_t tid, const char* name) {
  return fmt::format("/proc/{}/task/{}/{}", pid, tid, name);
}

descriptor open_of_thread(pid_t pid, pid_t tid, const char* name) {
  return descriptor(::open(file_of_thread(pid, tid, name).c_str(), O_RDONLY | O_CLOEXEC));
}

}  // namespace

timed_thread::timed_thread(pid_t pid, pid_t tid, std::uint32_t inner_tid, std::string name)
    : pid_(pid),
      tid_(tid),
      inner_tid_(inner_tid),
      name_(std::move(name)),
      schedstat_(open_of_thread(pid, tid, "schedstat")),
      syscall_(open_of_thread(pid, tid, "syscall")) {}

std::string timed_thread::read(const descriptor& kept, const char* name) const {
  if (!kept) return read_file(file_of_thread(pid_, tid_, name).c_str()).value_or("");
  std::array<char, 256> text;
  const auto got = ::pread(kept.get(), text.data(), text.size(), 0);
  return got > 0 ? std::string(text.data(), static_cast<std::size_t>(got)) : std::string();
}

std::optional<cpu_usage> timed_thread::usage() const {
  const auto text = read(schedstat_, "schedstat");
  auto rest = std::string_view(text).substr(0, text.find('\n'));
  cpu_usage found;
  const bool known = parse_number(next_field(rest), found.ns) && parse_number(next_field(rest), found.waited_ns) &&
                     parse_number(next_field(rest), found.slices);
  return known ? std::optional(found) : std::nullopt;
}

bool timed_thread::runs() const { return read(syscall_, "syscall").starts_with("running"); }

thread_census::thread_census(pid_t pid) : pid_(pid) {}

std::vector<timed_thread> thread_census::find_new() {
  std::vector<timed_thread> found;
  auto tids = all_tids(pid_);
  std::sort(tids.begin(), tids.end());
  if (tids == known_) return found;
  const inner_numbers inner(pid_);
  for (const auto tid : tids) {
    if (std::binary_search(known_.begin(), known_.end(), tid)) continue;
    const auto stat = read_stat(pid_, tid);
    if (!stat || stat->name == agents_thread) continue;
    found.emplace_back(pid_, tid, inner.of(tid), stat->name);
  }
  known_ = std::move(tids);
  return found;
}

void allow_many_descriptors() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace tasks::cli
