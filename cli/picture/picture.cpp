#include "picture/picture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "base/progress.hpp"
#include "base/quantities.hpp"
#include "linux/proc.hpp"
#include "linux/thread_places.hpp"
#include "picture/agent_memory.hpp"
#include "picture/frame_walk.hpp"
#include "picture/live_copy.hpp"
#include "picture/used_pages.hpp"

namespace tasks::cli {
namespace {

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

/// Of threads that were left asleep.
void find_storage(picture& of) {
  if (!of.has_sleepers()) return;
  std::vector<std::uint32_t> inner_tids;
  for (const auto& thread : of.threads) inner_tids.push_back(thread.inner_tid);
  find_thread_pointers(of.threads, inner_tids, of.image);
}

void find_inner_numbers(picture& of, pid_t pid) {
  const inner_numbers inner(pid);
  for (auto& thread : of.threads) thread.inner_tid = inner.of(static_cast<pid_t>(thread.tid));
}

/// Without what takes long and can be found out when the target goes on. Nothing: threads moved, which `order` has
/// then. `stopped_ms`: the longest of all stops so far.
result<std::optional<picture>> copy_all(target& from, stop_order& order, double& stopped_ms) {
  const busy_with now("copying its memory");
  auto room = room_for_copy(from);
  if (!room) return room.why();
  auto held = from.hold(order);
  if (!held) return held.why();
  auto& still = **held;
  auto image = copy_memory(from, still, *std::move(room));
  if (!image) return image.why();
  picture taken{*std::move(image), still.threads(), {}, still.kernel(), *from.roots(), 0, {}, &from.code()};
  taken.moved = still.moved();
  still.let_go();
  if (auto why = still.ran_out()) return *std::move(why);
  if (!from.is_still()) stopped_ms = std::max(stopped_ms, still.stopped_ms());
  const bool may_move = order.stop == stop_order::whom::let_run;
  order.also.insert(taken.moved.begin(), taken.moved.end());
  if (!taken.moved.empty() && !may_move) return std::optional<picture>();
  taken.stopped_ms = from.is_still() ? still.stopped_ms() : stopped_ms;
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
  stop_order order{.stop = whom, .longest = longest};
  double stopped_ms = 0;
  auto copied = copy_all(from, order, stopped_ms);
  for (int tries = 1; copied && !*copied; ++tries) {
    const bool is_last = tries + 1 >= most_tries || std::chrono::steady_clock::now() - begin > most_time;
    if (is_last && whom == stop_order::whom::nobody) return not_one_moment(from.pid(), *order.also.begin());
    if (is_last && whom == stop_order::whom::who_runs) order.stop = stop_order::whom::everybody;
    if (whom == stop_order::whom::nobody) order.also.clear();
    copied = copy_all(from, order, stopped_ms);
  }
  if (auto why = from.has_changed()) return *std::move(why);
  if (!copied) return copied.why();
  auto taken = **std::move(copied);
  if (!from.is_still()) {
    find_inner_numbers(taken, from.pid());
    find_storage(taken);
  }
  // Code does not change, so that this can be done while the target goes on.
  frame_walker walker(taken.image, from.bytes(), from.code());
  stack_variables variables(from.code(), reader_of(taken.image));
  asio_recycled recycled(taken.image, from.code(), variables);
  taken.words = words_of_threads(taken.image, taken.threads, walker, recycled);
  const auto agents = agent_memory(taken.image, taken.roots);
  taken.words.unused.insert(taken.words.unused.end(), agents.begin(), agents.end());
  unite(taken.words.unused);
  return taken;
}

}  // namespace tasks::cli
