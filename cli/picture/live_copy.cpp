#include "picture/live_copy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "base/quantities.hpp"
#include "linux/changed_files.hpp"
#include "linux/kernel_pages.hpp"
#include "linux/proc.hpp"
#include "picture/used_pages.hpp"

namespace tasks::cli {
namespace {

/// What a process has in memory, its files included.
std::uint64_t resident_bytes(pid_t pid) {
  const auto text = read_file(fmt::format("/proc/{}/statm", living_thread(pid)).c_str()).value_or("");
  std::uint64_t pages = 0;
  const auto second = std::min(text.find(' '), text.size());
  std::from_chars(text.data() + std::min(second + 1, text.size()), text.data() + text.size(), pages);
  return pages * kernel_page_size();
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

/// At this rate a copy is made on any machine.
constexpr std::uint64_t least_bytes_a_second = std::uint64_t{200} << 20;
constexpr std::chrono::seconds least_time{3};

/// A process's memory, until nobody wants it any more: then there is nothing to be read, and whoever copies ends soon.
class wanted_memory final : public memory {
 public:
  wanted_memory(std::unique_ptr<memory> from, std::shared_ptr<const std::atomic<bool>> is_wanted)
      : from_(std::move(from)), is_wanted_(std::move(is_wanted)) {}

  std::size_t read(std::uint64_t address, void* to, std::size_t size) const override {
    constexpr std::size_t most = std::size_t{16} << 20;
    std::size_t done = 0;
    // Set by who waits, once: nothing else is read by what it says.
    while (done < size && is_wanted_->load(std::memory_order_relaxed)) {
      const auto part = std::min(most, size - done);
      const auto got = from_->read(address + done, static_cast<unsigned char*>(to) + done, part);
      done += got;
      if (got < part) break;
    }
    return done;
  }
  [[nodiscard]] const std::vector<memory_region>& regions() const override { return from_->regions(); }
  [[nodiscard]] bool is_still() const noexcept override { return false; }
  [[nodiscard]] int last_error() const noexcept override { return from_->last_error(); }

 private:
  std::unique_ptr<memory> from_;
  std::shared_ptr<const std::atomic<bool>> is_wanted_;
};

memory_image copy_of(pid_t pid, own_memory room, std::shared_ptr<const std::atomic<bool>> is_wanted) {
  const wanted_memory bytes(process_memory(pid), std::move(is_wanted));
  changed_files files(pid, bytes.regions());
  return memory_image(bytes, pages_of(pid), std::move(room),
                      [&](const memory_region& region) { return files.bytes_in(region); });
}

}  // namespace

result<own_memory> room_for_copy(const target& from) {
  if (from.is_still()) return own_memory();
  const auto needed = resident_bytes(from.pid()) / 16 * 17;
  if (const auto free = available_bytes(); free && needed > *free) {
    return error{error_code::system, subject_of(from.pid()),
                 fmt::format("there is no room for a copy of its memory: {} of {} are available", format_bytes(*free),
                             format_bytes(needed)),
                 "look at a core of it on another machine, or use --no-prove"};
  }
  own_memory room(needed, true);
  if (room.size() == needed) return room;
  return error{error_code::system, subject_of(from.pid()),
               fmt::format("there is no room for a copy of its memory: {} are needed", format_bytes(needed)),
               "raise the limit of tasks itself (ulimit -v), or use --no-prove"};
}

/// Memory may be served by the target itself, which stands still (userfaultfd(2)), or by another that does not answer
/// (FUSE): so a thread copies, and whoever waits for it can give up and let the target go.
result<memory_image> copy_memory(const target& from, const standstill& still, own_memory room) {
  if (from.is_still()) return memory_image(still.bytes(), nullptr, std::move(room));
  const std::chrono::milliseconds patience = least_time + std::chrono::seconds(room.size() / least_bytes_a_second);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  constexpr std::chrono::milliseconds pause{5};
  const auto pid = from.pid();
  const auto is_wanted = std::make_shared<std::atomic<bool>>(true);
  std::packaged_task<memory_image()> copy(
      [pid, room = std::move(room), is_wanted]() mutable { return copy_of(pid, std::move(room), is_wanted); });
  auto copied = copy.get_future();
  std::thread(std::move(copy)).detach();
  while (copied.wait_for(pause) != std::future_status::ready) {
    auto why = still.ran_out();
    if (!why && std::chrono::steady_clock::now() > deadline)
      why = error{error_code::timed_out, subject_of(pid),
                  fmt::format("its memory could not be copied within {}s", patience.count() / 1000),
                  "some of it is served by a program (userfaultfd, FUSE): use --no-prove"};
    if (!why) continue;
    is_wanted->store(false, std::memory_order_relaxed);
    return *std::move(why);
  }
  return copied.get();
}

}  // namespace tasks::cli
