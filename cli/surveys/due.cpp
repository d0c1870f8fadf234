#include "surveys/due.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/quantities.hpp"
#include "linux/descriptors.hpp"
#include "linux/pipe_bytes.hpp"
#include "linux/proc.hpp"
#include "proof/asio_schedulers.hpp"
#include "target/registry_reader.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;
using layout::wait_kind;

/// What has been over for less is a matter of load.
constexpr std::uint64_t long_ms = 1000;
/// Ages count from the agent's tick, which may be that old.
constexpr std::uint64_t tick_ms = 1000;
constexpr auto between_looks = 200ms;

constexpr std::uint64_t bit(wait_kind kind) { return std::uint64_t{1} << static_cast<unsigned>(kind); }
constexpr std::uint64_t by_descriptor =
    bit(wait_kind::socket_accept) | bit(wait_kind::socket_read) | bit(wait_kind::descriptor_read);
/// Completed by some other handler, which posts them.
constexpr std::uint64_t by_handler = bit(wait_kind::post) | bit(wait_kind::channel_send) |
                                     bit(wait_kind::channel_receive) | bit(wait_kind::signal) |
                                     bit(wait_kind::resolve) | bit(wait_kind::other);

bool is(const target_task& task, std::uint64_t kinds) { return (bit(detail::kind_of(task)) & kinds) != 0; }

/// How long the task could have gone on; 0: its timer has not expired, or it is not known.
std::uint64_t expired_for(const target_task& task, std::uint64_t now, std::optional<std::int64_t> wall_ns) {
  const auto clock = layout::detail_of(task.wait);
  const auto at = static_cast<std::int64_t>(task.detail);
  if (detail::kind_of(task) != wait_kind::timer) return 0;
  std::int64_t ms = 0;
  if (clock == layout::detail_kind::steady_expiry)
    ms = static_cast<std::int64_t>(now) - at / 1'000'000;
  else if (clock == layout::detail_kind::system_expiry && wall_ns)
    ms = (*wall_ns - at) / 1'000'000;
  return ms <= 0 ? 0 : std::min(static_cast<std::uint64_t>(ms), detail::age_of(task, now));
}

std::string count_of(std::size_t n, std::string_view one, std::string_view more) {
  return n == 1 ? std::string(one) : fmt::format("{} {}", n, more);
}

/// Where Asio's pointer to a coroutine leads: behind its two function pointers.
constexpr std::uint64_t to_promise = 16;

/// One look at a target that stands still.
class due_look {
 public:
  due_look(target& from, const memory& bytes, const std::vector<thread_registers>& threads)
      : from_(from),
        bytes_(bytes),
        threads_(threads),
        schedulers_(bytes),
        descriptors_(from.is_alive() ? from.pid() : 0),
        moves_(from.is_alive() && !from.is_still()) {
    registry_reader reader(bytes, *from.roots());
    now_ = moves_ ? detail::monotonic_ms() : reader.newest_tick();
    if (moves_)
      wall_ns_ =
          std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
              .count();
    reader.walk({}, now_, [&](const target_task& task) {
      const auto state = detail::state_of(task.word);
      if (state == detail::task_state::running) running_.push_back(task);
      if (state != detail::task_state::blocked) return;
      if (task.depth != 0 && !task.frames.empty()) owners_[task.frames[0] + to_promise] = task.id;
      const auto age = detail::age_of(task, now_);
      if (age < long_ms + tick_ms && expired_for(task, now_, wall_ns_) < long_ms) return;
      if (is(task, by_descriptor | by_handler | bit(wait_kind::timer))) waiting_.push_back({task});
    });
  }

  /// Could anything be found? Reads, and needs nobody to stand still.
  [[nodiscard]] bool is_worth_it() {
    return std::any_of(waiting_.begin(), waiting_.end(), [&](const waiting_task& each) {
      const auto& task = each.task;
      if (expired_for(task, now_, wall_ns_) >= long_ms || detail::kind_of(task) == wait_kind::post) return true;
      if (!is(task, by_descriptor | by_handler)) return false;
      const auto scheduler = schedulers_.of_object(task.object);
      return scheduler != 0 && !is_served(scheduler);
    });
  }

  /// Reads all that must be of one moment.
  void gather() {
    for (auto& each : waiting_) {
      each.scheduler = schedulers_.of_object(each.task.object);
      each.is_queued = detail::kind_of(each.task) == wait_kind::timer && is_queued(each.task);
      if (detail::kind_of(each.task) == wait_kind::post) find_contexts(each.task);
    }
    std::unordered_set<std::uint64_t> keys = schedulers_.known();
    for (const auto scheduler : schedulers_.known()) {
      const auto beside = schedulers_.strands_beside(scheduler);
      strands_.insert(strands_.end(), beside.begin(), beside.end());
    }
    for (const auto& strand : strands_) keys.insert(strand.address);
    calls_ = calls_of(bytes_, threads_, keys);
    for (const auto scheduler : schedulers_.known()) {
      const auto state = schedulers_.look(scheduler);
      if (!state) continue;
      obstacles_[scheduler] = find_obstacle(scheduler, *state);
      for (const auto operation : state->queued) find_owner(operation, scheduler, posted_);
    }
    for (const auto& strand : strands_) {
      obstacles_[strand.address] = holder_of(strand.address);
      for (const auto operation : strand.queued) find_owner(operation, strand.address, held_back_);
    }
  }

  /// Without threads: timers that have expired long ago, in the queues of schedulers that nobody waits in.
  std::vector<due_task> overdue() {
    for (const auto& each : waiting_) {
      const auto& task = each.task;
      const auto ms = expired_for(task, now_, wall_ns_);
      if (ms < long_ms || !is_queued(task)) continue;
      const auto scheduler = schedulers_.of_object(task.object);
      if (scheduler == 0 || is_served(scheduler)) continue;
      auto& due = found_.emplace_back();
      due.id = task.id;
      due.resumes = task.resumes;
      due.for_ms = ms;
      due.over = "its timer has expired";
    }
    std::sort(found_.begin(), found_.end(), [](const due_task& a, const due_task& b) { return a.id < b.id; });
    return std::move(found_);
  }

  /// Asks for names and descriptors, which takes its time.
  std::vector<due_task> finish() {
    for (const auto& each : waiting_) look_at(each);
    std::sort(found_.begin(), found_.end(), [](const due_task& a, const due_task& b) { return a.id < b.id; });
    return std::move(found_);
  }

 private:
  struct waiting_task {
    target_task task;
    std::uint64_t scheduler = 0;  ///< of what it waits on; 0: not known
    bool is_queued = false;       ///< on a timer, which is still in the reactor's queue
  };
  /// An operation that owns a task, in a queue.
  struct queued_operation {
    std::uint64_t queue;     ///< a scheduler, or a strand
    std::uint64_t function;  ///< that completes it
  };
  using queued_operations = std::unordered_map<std::uint64_t, std::vector<queued_operation>>;  ///< by task
  struct obstacle {
    std::string reason;
    std::uint64_t behind = 0;
    bool lasting = false;  ///< for a second or more, as one look can tell
  };

  [[nodiscard]] bool is_served(std::uint64_t scheduler) {
    const auto [known, is_new] = served_.try_emplace(scheduler);
    if (is_new) {
      const auto state = schedulers_.look(scheduler);
      known->second = !state || (!state->stopped && (state->polled || state->sleeping != 0));
    }
    return known->second;
  }

  /// A task that was posted waits on nothing: its executor is in its frames.
  void find_contexts(const target_task& task) {
    constexpr std::uint64_t header = sizeof(layout::frame_header), most = 4096;
    for (const auto frame : task.frames) {
      const auto size = bytes_.get<std::array<std::uint32_t, 2>>(frame - header);
      if (!size || (*size)[0] != layout::frame_magic) continue;
      std::vector<std::uint64_t> inside(std::min<std::uint64_t>((*size)[1], most) / 8);
      inside.resize(bytes_.read(frame, inside.data(), inside.size() * 8) / 8);
      for (const auto word : inside) {
        const auto context = word & ~std::uint64_t{7};  // executors keep flags in the lowest bits
        if (context > page_size && seen_.insert(context).second) static_cast<void>(schedulers_.of_context(context));
      }
    }
  }

  /// Whose task an operation resumes: the first word of it that is Asio's pointer to a task's outermost coroutine,
  /// which the operation owns.
  void find_owner(std::uint64_t operation, std::uint64_t queue, queued_operations& to) {
    constexpr std::uint64_t to_function = 8, least = 32, most = 4096, from_header = 8, chunk_flags = 7;
    const auto size = bytes_.get<std::uint64_t>(operation - from_header).value_or(0) & ~chunk_flags;
    if (size < least || size > most) return;
    std::vector<std::uint64_t> inside(size / 8 - 1);
    inside.resize(bytes_.read(operation, inside.data(), inside.size() * 8) / 8);
    for (const auto word : inside) {
      const auto owner = owners_.find(word);
      if (owner == owners_.end()) continue;
      to[owner->second].push_back({queue, inside[to_function / 8]});
      return;
    }
  }

  /// Where a task's handler waits; 0: nowhere that is known of. Of an operation that has no task such a word may be
  /// left over behind it: its function's name tells.
  [[nodiscard]] std::uint64_t queue_of(const queued_operations& operations, std::uint64_t task) {
    const auto found = operations.find(task);
    if (found == operations.end()) return 0;
    for (const auto& each : found->second) {
      const auto [known, is_new] = resumes_.try_emplace(each.function);
      if (is_new) {
        const auto names = from_.names().resolve(each.function);
        known->second = std::any_of(names.begin(), names.end(), [](const code_location& name) {
          return name.function.find("awaitable") != std::string::npos;
        });
      }
      if (known->second) return each.queue;
    }
    return 0;
  }

  void look_at(const waiting_task& each) {
    const auto& task = each.task;
    due_task due{.id = task.id, .resumes = task.resumes, .for_ms = 0, .over = {}, .reason = {}, .behind = 0};
    due.for_ms = expired_for(task, now_, wall_ns_);
    const obstacle* way = nullptr;
    if (const auto strand = queue_of(held_back_, task.id); strand != 0) {
      way = &obstacles_[strand];
      due.over = "its handler waits for its strand";
    } else if (const auto scheduler = queue_of(posted_, task.id); scheduler != 0) {
      way = &obstacles_[scheduler];
      due.over = "its handler waits for a thread";
    } else if (each.is_queued && due.for_ms != 0) {
      way = &obstacles_[each.scheduler];
      due.over = "its timer has expired";
    } else if (is(task, by_descriptor)) {
      way = &obstacles_[each.scheduler];
      if (!way->reason.empty()) due.over = what_has_come(task);
      if (due.over.empty()) return;
    } else {
      return;
    }
    // One look alone tells of what has been so for long.
    if (way->reason.empty() || (!moves_ && due.for_ms < long_ms && !way->lasting)) return;
    due.reason = way->reason;
    due.behind = way->behind;
    found_.push_back(std::move(due));
  }

  /// Its timer waits in the reactor's queue, where nobody has looked since it expired; see proof/asio_timers.
  [[nodiscard]] bool is_queued(const target_task& task) {
    constexpr std::uint64_t first_waiter = 16;
    const auto& type = schedulers_.type_of(schedulers_.service_of(task.object));
    return type.find("deadline_timer_service") != std::string::npos &&
           bytes_.get<std::uint64_t>(task.object) == task.detail &&
           bytes_.get<std::uint64_t>(task.object + first_waiter).value_or(0) != 0;
  }

  /// "5 B have come"; empty: nothing that is known of.
  [[nodiscard]] std::string what_has_come(const target_task& task) {
    const auto fd = layout::descriptor_of(task.wait);
    if (fd == layout::no_descriptor || !from_.is_alive()) return {};
    const auto& what = descriptors_.at(fd);
    std::uint64_t bytes = 0;
    if (what.is == endpoint::kind::pipe && detail::kind_of(task) == wait_kind::descriptor_read)
      bytes = bytes_in_pipe(from_.pid(), fd).value_or(0);
    else if (what.is == endpoint::kind::socket && what.waiting)
      bytes = what.waiting->receive;
    if (bytes == 0) return {};
    if (what.listens) return count_of(bytes, "1 connection has", "connections have") + " come";
    return detail::kind_of(task) == wait_kind::socket_accept ? std::string() : format_bytes(bytes) + " have come";
  }

  /// Who runs a scheduler; nothing: not known.
  [[nodiscard]] std::optional<std::vector<std::uint32_t>> runners_of(std::uint64_t scheduler) {
    if (threads_.empty()) return std::nullopt;
    if (const auto found = calls_.runs.find(scheduler); found != calls_.runs.end()) return found->second;
    if (!calls_.may_run.contains(scheduler)) return std::vector<std::uint32_t>();
    // Left over on a stack, unless the thread-local storage of a library that was loaded later has it.
    const auto vtable = bytes_.get<std::uint64_t>(scheduler).value_or(0);
    for (const auto& region : bytes_.regions())
      if (vtable >= region.begin && vtable < region.end && !region.path.empty() &&
          region.path.find(".so") == std::string::npos)
        return std::vector<std::uint32_t>();
    return std::nullopt;
  }

  [[nodiscard]] std::uint32_t inner_tid(std::uint32_t tid) {
    if (inner_.empty())
      for (const auto& thread : from_.threads()) inner_[static_cast<std::uint32_t>(thread.tid)] = thread.inner_tid;
    const auto found = inner_.find(tid);
    return found == inner_.end() ? tid : found->second;
  }

  /// The task that a thread has run for long, the innermost; null: none.
  [[nodiscard]] const target_task* task_on(std::uint32_t tid) {
    const target_task* innermost = nullptr;
    for (const auto& task : running_)
      if (task.thread == inner_tid(tid) && (!innermost || task.since >= innermost->since)) innermost = &task;
    return innermost && detail::age_of(*innermost, now_) >= long_ms + tick_ms ? innermost : nullptr;
  }

  [[nodiscard]] obstacle find_obstacle(std::uint64_t scheduler, const scheduler_state& state) {
    const auto runners = runners_of(scheduler);
    if (!runners) return {};
    if (runners->empty()) {
      return {fmt::format("no thread runs its {}{}", state.is_io_context ? "io_context" : "execution context",
                          state.stopped ? " (stopped)" : ""),
              0, state.stopped};
    }
    if (state.polled || state.sleeping != 0) return {};
    std::vector<const target_task*> tasks;
    for (const auto tid : *runners)
      if (const auto* task = task_on(tid)) tasks.push_back(task);
    if (tasks.size() != runners->size()) return {};
    std::uint64_t shortest = ~std::uint64_t{0};
    std::string ids;
    for (const auto* task : tasks) {
      shortest = std::min(shortest, detail::age_of(*task, now_));
      ids += (ids.empty() ? "" : ", ") + std::to_string(task->id);
    }
    const auto age = format_age(shortest, tick_ms);
    if (tasks.size() == 1) return {fmt::format("its only worker has run task {} for {}", ids, age), tasks[0]->id, true};
    return {fmt::format("each of its {} workers has run one task for {} or longer: tasks {}", tasks.size(), age, ids),
            tasks[0]->id, true};
  }

  /// Who holds a strand is in a handler of it, on some thread.
  [[nodiscard]] obstacle holder_of(std::uint64_t strand) {
    const auto found = calls_.runs.find(strand);
    if (found == calls_.runs.end()) return {};
    for (const auto tid : found->second)
      if (const auto* task = task_on(tid))
        return {fmt::format("task {} holds its strand, and has run for {}", task->id,
                            format_age(detail::age_of(*task, now_), tick_ms)),
                task->id, true};
    return {};
  }

  target& from_;
  const memory& bytes_;
  const std::vector<thread_registers>& threads_;
  asio_schedulers schedulers_;
  descriptor_table descriptors_;
  std::uint64_t now_ = 0;
  std::optional<std::int64_t> wall_ns_;
  bool moves_;
  std::vector<target_task> running_;
  std::vector<waiting_task> waiting_;
  std::unordered_map<std::uint64_t, std::uint64_t> owners_;  ///< tasks, by Asio's pointer to their outermost coroutine
  std::unordered_map<std::uint64_t, bool> served_, resumes_;
  std::unordered_set<std::uint64_t> seen_;  ///< what was taken for a context
  std::vector<strand_state> strands_;
  calls_of_threads calls_;
  queued_operations posted_, held_back_;
  std::unordered_map<std::uint64_t, obstacle> obstacles_;
  std::unordered_map<std::uint32_t, std::uint32_t> inner_;
  std::vector<due_task> found_;
};

bool is_stopped(const target& from) {
  if (!from.is_alive()) return false;
  const auto stat = read_stat(from.pid());
  return !stat || stat->state == 'T' || stat->state == 't';
}

std::vector<due_task> look_once(target& from) {
  auto still = from.hold();
  if (!still) return {};
  due_look look(from, (*still)->bytes(), (*still)->threads());
  look.gather();
  if (!from.is_still()) still->reset();
  return look.finish();
}

}  // namespace

std::vector<due_task> find_due(target& from, bool may_stop) {
  if (!from.roots() || is_stopped(from)) return {};
  if (!may_stop && !from.is_still()) return due_look(from, from.bytes(), {}).overdue();
  if (!due_look(from, from.bytes(), {}).is_worth_it()) return {};
  auto found = look_once(from);
  if (found.empty() || from.is_still()) return found;
  std::this_thread::sleep_for(between_looks);
  const auto later = look_once(from);
  std::erase_if(found, [&](const due_task& due) {
    const auto* same = find(later, due.id);
    return same == nullptr || same->resumes != due.resumes || same->behind != due.behind;
  });
  return found;
}

std::string words_of(const due_task& due) {
  std::string text = "due";
  if (due.for_ms >= long_ms) text += " " + format_age(due.for_ms, 0);
  return due.reason.empty() ? text : text + ": " + due.reason;
}

const due_task* find(const std::vector<due_task>& due, std::uint64_t task) {
  const auto at = std::lower_bound(due.begin(), due.end(), task,
                                   [](const due_task& each, std::uint64_t id) { return each.id < id; });
  return at == due.end() || at->id != task ? nullptr : &*at;
}

std::vector<std::string> findings_of(const std::vector<due_task>& due) {
  std::map<std::string, std::vector<const due_task*>> by_reason;
  for (const auto& each : due) by_reason[each.reason].push_back(&each);
  std::vector<std::string> sentences;
  for (const auto& [reason, tasks] : by_reason) {
    constexpr std::size_t most_named = 3;
    std::uint64_t longest = 0;
    std::string ids;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      longest = std::max(longest, tasks[i]->for_ms);
      if (i < most_named) ids += (i == 0 ? "" : ", ") + std::to_string(tasks[i]->id);
    }
    if (tasks.size() > most_named) ids += ", …";
    const bool one = tasks.size() == 1;
    auto sentence = one ? "due: task " + ids : fmt::format("due: {} tasks ({})", tasks.size(), ids);
    if (longest >= long_ms) sentence += (one ? ", for " : ", the longest for ") + format_age(longest, 0);
    sentences.push_back(reason.empty() ? sentence : sentence + ": " + reason);
  }
  return sentences;
}

}  // namespace tasks::cli
