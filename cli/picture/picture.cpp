#include "picture/picture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <future>
#include <optional>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/progress.hpp"
#include "base/quantities.hpp"
#include "linux/changed_files.hpp"
#include "linux/kernel_pages.hpp"
#include "linux/proc.hpp"
#include "linux/thread_list.hpp"
#include "linux/thread_places.hpp"
#include "picture/frame_walk.hpp"
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

/// Which pages of so much are used is found out in half a second, for which a process may stand still.
constexpr std::uint64_t most_address_space = std::uint64_t{256} << 30;

/// Sanitizers reserve terabytes. AddressSanitizer's shadow is looked through nowhere.
std::optional<error> too_large(const target& from) {
  if (from.is_still()) return std::nullopt;
  auto regions = from.bytes().regions();
  if (has_asan_shadow(regions)) std::erase_if(regions, is_asan_shadow);
  const auto size = used_pages(from.pid()).to_ask(regions);
  if (size <= most_address_space) return std::nullopt;
  return error{error_code::system, subject_of(from.pid()),
               fmt::format("its address space of {} is too large to be looked through while it stands still",
                           format_bytes(size)),
               "Linux 6.7 and later tell which of it is used"};
}

/// Where the copy of a live process goes: memory that is ours before the process is stopped.
result<own_memory> room_for(const target& from) {
  if (from.is_still()) return own_memory();
  const auto needed = resident_bytes(from.pid()) / 16 * 17;
  if (const auto free = available_bytes(); free && needed > *free) {
    return error{error_code::system, subject_of(from.pid()),
                 fmt::format("there is no room for a copy of its memory: {} of {} are available", format_bytes(*free),
                             format_bytes(needed)),
                 "look at a core of it on another machine, or use --no-prove"};
  }
  return own_memory(needed, true);
}

/// At this rate a copy is made on any machine.
constexpr std::uint64_t least_bytes_a_second = std::uint64_t{200} << 20;
constexpr std::chrono::seconds least_time{3};

/// Memory may be served by the target itself, which stands still (userfaultfd(2)), or by another that does not answer
/// (FUSE): so a thread copies, and whoever waits for it can give up and let the target go.
/// `left`: for so long threads may stay stopped; nothing: as long as it takes.
result<memory_image> copy_memory(const target& from, const standstill& still, own_memory room,
                                 std::optional<std::chrono::milliseconds> left) {
  if (from.is_still()) return memory_image(still.bytes(), nullptr, std::move(room));
  const std::chrono::milliseconds patience = least_time + std::chrono::seconds(room.size() / least_bytes_a_second);
  const auto time = std::min(patience, left.value_or(patience));
  const auto pid = from.pid();
  std::packaged_task<memory_image()> copy([pid, room = std::move(room)]() mutable {
    const auto memory = process_memory(pid);
    changed_files files(pid, memory->regions());
    return memory_image(*memory, pages_of(pid), std::move(room),
                        [&](const memory_region& region) { return files.bytes_in(region); });
  });
  auto copied = copy.get_future();
  std::thread(std::move(copy)).detach();
  if (copied.wait_for(time) == std::future_status::ready) return copied.get();
  if (time < patience) return stopped_too_long(pid);
  return error{error_code::timed_out, subject_of(pid),
               fmt::format("its memory could not be copied within {}s", patience.count() / 1000),
               "some of it is served by a program (userfaultfd, FUSE): use --no-prove"};
}

/// Of threads that were left asleep.
void find_storage(picture& of, pid_t pid) {
  if (!of.has_sleepers()) return;
  std::unordered_map<std::uint32_t, std::uint32_t> inner;
  for (const auto& thread : list_threads(pid)) inner[static_cast<std::uint32_t>(thread.tid)] = thread.inner_tid;
  std::vector<std::uint32_t> inner_tids;
  for (const auto& thread : of.threads) inner_tids.push_back(inner[thread.tid]);
  find_thread_pointers(of.threads, inner_tids, of.image);
}

/// Without what takes long and can be found out when the target goes on. Nothing: threads moved, which `order` has
/// then.
result<std::optional<picture>> copy_all(target& from, stop_order& order) {
  using clock = std::chrono::steady_clock;
  const busy_with now("copying its memory");
  auto room = room_for(from);
  if (!room) return room.why();
  const auto begin = clock::now();
  auto still = from.hold(order);
  if (!still) return still.why();
  std::optional<std::chrono::milliseconds> left;
  if (order.longest && !(*still)->is_free())
    left = std::max(*order.longest - std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - begin),
                    std::chrono::milliseconds(0));
  auto image = copy_memory(from, **still, *std::move(room), left);
  if (!image) return image.why();
  picture taken{*std::move(image), (*still)->threads(), {}, (*still)->kernel(), *from.roots(), 0, {}, &from.code()};
  taken.moved = (*still)->moved();
  const bool may_move = order.stop == stop_order::whom::let_run;
  order.also.insert(taken.moved.begin(), taken.moved.end());
  if (!taken.moved.empty() && !may_move) return std::optional<picture>();
  const bool is_free = from.is_still() || (*still)->is_free();
  taken.stopped_ms = (*still)->stopped_ms();
  still->reset();
  if (!is_free) taken.stopped_ms = std::chrono::duration<double, std::milli>(clock::now() - begin).count();
  return std::optional(std::move(taken));
}

}  // namespace

bool picture::has_sleepers() const noexcept {
  return std::any_of(threads.begin(), threads.end(), [](const thread_registers& each) { return each.slept; });
}

error not_one_moment(pid_t pid, pid_t thread) {
  return {error_code::timed_out, subject_of(pid),
          fmt::format("thread {} ran while its memory was copied, and none is to be stopped", thread),
          "try again, or leave out --no-stop"};
}

result<picture> take_picture(target& from, stop_order::whom whom, std::optional<std::chrono::milliseconds> longest) {
  constexpr int most_tries = 6;
  constexpr std::chrono::seconds most_time{1};
  const auto begin = std::chrono::steady_clock::now();
  if (!from.roots()) return from.roots().why();
  if (auto why = too_large(from)) return *std::move(why);
  stop_order order{whom, {}, longest};
  auto copied = copy_all(from, order);
  for (int tries = 1; copied && !*copied; ++tries) {
    const bool is_last = tries + 1 >= most_tries || std::chrono::steady_clock::now() - begin > most_time;
    if (is_last && whom == stop_order::whom::nobody) return not_one_moment(from.pid(), *order.also.begin());
    if (is_last && whom == stop_order::whom::who_runs) order.stop = stop_order::whom::everybody;
    if (whom == stop_order::whom::nobody) order.also.clear();
    copied = copy_all(from, order);
  }
  if (!copied) return copied.why();
  auto taken = **std::move(copied);
  if (!from.is_still()) find_storage(taken, from.pid());
  // Code does not change, so that this can be done while the target goes on.
  frame_walker walker(taken.image, from.bytes(), from.code());
  stack_variables variables(from.code(), reader_of(taken.image));
  asio_recycled recycled(taken.image, from.code(), variables);
  taken.words = words_of_threads(taken.image, taken.threads, walker, recycled);
  return taken;
}

}  // namespace tasks::cli
