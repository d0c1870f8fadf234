#include "surveys/due_look.hpp"

#include <fmt/format.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/quantities.hpp"
#include "linux/pipe_bytes.hpp"
#include "linux/sleep.hpp"

namespace tasks::cli {
namespace {

using layout::wait_kind;

/// Ages count from the agent's tick, which may be that old.
constexpr std::uint64_t tick_ms = 1000;
/// Where Asio's pointer to a coroutine leads: behind its two function pointers.
constexpr std::uint64_t to_promise = 16;
/// Of tasks that wait for descriptors and handlers, so many are asked whose scheduler tells them: contexts are few.
constexpr std::size_t asked_at_most = 500;
/// Of tasks that have not begun, so many: a burst of spawns is none that hangs.
constexpr std::size_t not_begun_asked = 64;

constexpr std::uint64_t bit(wait_kind kind) { return std::uint64_t{1} << static_cast<unsigned>(kind); }
constexpr std::uint64_t by_descriptor =
    bit(wait_kind::socket_accept) | bit(wait_kind::socket_read) | bit(wait_kind::descriptor_read);
/// Completed by some other handler, which posts them.
constexpr std::uint64_t by_handler = bit(wait_kind::post) | bit(wait_kind::channel_send) |
                                     bit(wait_kind::channel_receive) | bit(wait_kind::signal) |
                                     bit(wait_kind::resolve) | bit(wait_kind::other);

bool is(const target_task& task, std::uint64_t kinds) { return (bit(detail::kind_of(task)) & kinds) != 0; }

/// Visits what a task waits for: of a group, each member that pends.
template <class Visit>
void each_wait(const target_task& task, Visit visit) {
  visit(detail::wait_copy{task.wait, task.object, task.detail});
  for (std::size_t i = 0; i < task.group.count; ++i) visit(task.group.pending[i]);
}

std::string count_of(std::uint64_t n, std::string_view one, std::string_view more) {
  return n == 1 ? std::string(one) : fmt::format("{} {}", n, more);
}

}  // namespace

due_look::due_look(target& from, std::uint64_t asked)
    : from_(from),
      asked_(asked),
      bytes_(from.bytes()),
      moves_(from.is_alive()),
      schedulers_(bytes_),
      descriptors_(from.is_alive() ? from.pid() : 0),
      registry_(bytes_, *from.roots()) {
  now_ = moves_ ? detail::monotonic_ms() : registry_.newest_tick();
  if (moves_)
    wall_ns_ = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
                   .count();
  registry_.walk({}, now_, [&](const target_task& task) {
    const auto state = detail::state_of(task.word);
    if (state == detail::task_state::running) running_.push_back(task);
    if (state == detail::task_state::ready && task.depth != 0 && !task.frames.empty() &&
        not_begun_.size() < not_begun_asked) {
      owners_[task.frames[0] + to_promise] = task.id;
      not_begun_.push_back({task});
    }
    if (state != detail::task_state::blocked) return;
    if (detail::kind_of(task) != wait_kind::tasks) ++wait_for_schedulers_;
    if (detail::age_of(task, now_) < due_after_ms + tick_ms && expired_for(task) < due_after_ms) return;
    if (task.depth != 0 && !task.frames.empty()) owners_[task.frames[0] + to_promise] = task.id;
    if (is(task, by_descriptor | by_handler | bit(wait_kind::timer))) waiting_.push_back({task});
  });
}

/// How long it could have gone on; 0: its timer has not expired, or it is not known.
std::uint64_t due_look::expired_for(const detail::wait_copy& wait, std::uint64_t age_ms) const {
  if (layout::kind_of(wait.wait) != wait_kind::timer) return 0;
  const auto clock = layout::detail_of(wait.wait);
  const auto at = static_cast<std::int64_t>(wait.detail);
  std::int64_t ms = 0;
  if (clock == layout::detail_kind::steady_expiry)
    ms = static_cast<std::int64_t>(now_) - at / 1'000'000;
  else if (clock == layout::detail_kind::system_expiry && wall_ns_)
    ms = (*wall_ns_ - at) / 1'000'000;
  // A tick may be old: what a task has waited for is at most its age, and at least that without the tick.
  const auto waited = age_ms > tick_ms ? age_ms - tick_ms : 0;
  return ms <= 0 ? 0 : std::min(static_cast<std::uint64_t>(ms), std::max(waited, std::uint64_t{0}));
}

std::uint64_t due_look::expired_for(const target_task& task) const {
  std::uint64_t longest = 0;
  const auto age = detail::age_of(task, now_);
  each_wait(task, [&](const detail::wait_copy& wait) { longest = std::max(longest, expired_for(wait, age)); });
  return longest;
}

bool due_look::is_worth_it() {
  std::size_t asked = 0;
  const auto step = std::max<std::size_t>(1, waiting_.size() / asked_at_most);
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    const auto& task = waiting_[i].task;
    if (expired_for(task) >= due_after_ms || detail::kind_of(task) == wait_kind::post) return true;
    if (!is(task, by_descriptor | by_handler) || i % step != 0 || asked++ > asked_at_most) continue;
    const auto scheduler = schedulers_.of_object(task.object);
    if (scheduler != 0 && !is_served(scheduler)) return true;
  }
  return may_never_begin() || may_have_missed();
}

/// Has something come for the task that was asked of?
bool due_look::may_have_missed() {
  const auto its = std::find_if(waiting_.begin(), waiting_.end(),
                                [this](const waiting_task& each) { return each.task.id == asked_; });
  if (its == waiting_.end() || !moves_ || !is(its->task, by_descriptor)) return false;
  due_task seen;
  find_what_has_come(its->task, seen);
  return seen.available != 0;
}

/// Has some task not begun, and nobody waits in a scheduler that may be its?
bool due_look::may_never_begin() {
  if (not_begun_.empty()) return false;
  for (const auto& each : not_begun_) find_contexts(each.task);
  const auto known = schedulers_.known();
  return std::any_of(known.begin(), known.end(), [&](std::uint64_t scheduler) { return !is_served(scheduler); });
}

void due_look::gather() {
  for (auto& each : waiting_) {
    each.scheduler = schedulers_.of_object(each.task.object);
    const auto age = detail::age_of(each.task, now_);
    each_wait(each.task, [&](const detail::wait_copy& wait) {
      if (const auto ms = expired_for(wait, age); ms > each.timer_ms && is_queued(wait)) {
        each.timer_ms = ms;
        each.scheduler = schedulers_.of_object(wait.object);
      }
    });
    if (detail::kind_of(each.task) == wait_kind::post) find_contexts(each.task);
  }
  for (const auto& each : not_begun_) find_contexts(each.task);
  name_contexts();
  std::unordered_set<std::uint64_t> keys = schedulers_.known();
  for (const auto scheduler : schedulers_.known()) {
    const auto beside = schedulers_.strands_beside(scheduler);
    strands_.insert(strands_.end(), beside.begin(), beside.end());
  }
  for (const auto& strand : strands_) keys.insert(strand.address);
  find_threads();
  calls_ = schedulers_.calls_of(places_.threads, keys);
  for (const auto scheduler : schedulers_.known()) {
    const auto state = schedulers_.look(scheduler);
    if (!state) continue;
    obstacles_[scheduler] = find_obstacle(scheduler, *state);
    const auto runners = calls_.runs.find(scheduler);
    if (calls_.complete && !state->stopped && state->queued.empty() && state->polled && runners != calls_.runs.end() &&
        runners->second.size() == state->sleeping + 1)
      at_rest_.insert(scheduler);
    for (std::size_t i = 0; i < state->queued.size(); ++i) find_owner(state->queued[i], scheduler, i, posted_);
  }
  for (const auto& strand : strands_) {
    obstacles_[strand.address] = holder_of(strand.address);
    for (std::size_t i = 0; i < strand.queued.size(); ++i) find_owner(strand.queued[i], strand.address, i, held_back_);
  }
}

void due_look::find_threads() {
  auto threads = from_.threads();
  std::erase_if(threads, [](const os_thread& each) { return each.state == 'Z' || each.state == 'X'; });
  for (const auto& thread : threads) inner_[static_cast<std::uint32_t>(thread.tid)] = thread.inner_tid;
  if (moves_) {
    places_ = cli::find_threads(from_.pid(), threads, bytes_);
  } else if (auto still = from_.hold({})) {
    places_.threads = (*still)->threads();
  }
}

std::vector<due_task> due_look::finish() {
  for (const auto& each : waiting_) look_at(each);
  for (const auto& each : not_begun_) look_at(each);
  std::sort(found_.begin(), found_.end(), [](const due_task& a, const due_task& b) { return a.id < b.id; });
  return std::move(found_);
}

std::unordered_map<std::uint32_t, std::uint64_t> due_look::without_work() {
  std::unordered_map<std::uint32_t, std::uint64_t> found;
  if (!calls_.complete || places_.slices.size() != places_.threads.size()) return found;
  const auto known = registry_.threads();
  for (std::size_t i = 0; i < places_.threads.size(); ++i) {
    const auto tid = places_.threads[i].tid;
    const auto inner = inner_tid(tid);
    const bool has_run = std::any_of(known.begin(), known.end(),
                                     [&](const target_thread& each) { return each.worker && each.tid == inner; });
    if (has_run && places_.slices[i] != 0 && !calls_.in_any.contains(tid)) found[inner] = places_.slices[i];
  }
  return found;
}

bool due_look::nobody_runs() {
  return !waiting_.empty() && waiting_.size() == wait_for_schedulers_ &&
         std::all_of(waiting_.begin(), waiting_.end(), [&](const waiting_task& each) {
           const auto runners = each.scheduler == 0 ? std::nullopt : runners_of(each.scheduler);
           return runners && runners->empty();
         });
}

bool due_look::is_served(std::uint64_t scheduler) {
  const auto [known, is_new] = served_.try_emplace(scheduler);
  if (is_new) {
    const auto state = schedulers_.look(scheduler);
    known->second = !state || (!state->stopped && (state->polled || state->sleeping != 0));
  }
  return known->second;
}

/// A task that was posted waits on nothing: its executor is in its frames.
void due_look::find_contexts(const target_task& task) {
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

/// A task's executor is in its outermost frame, that of a timer or a socket behind what is known of it.
void due_look::name_contexts() {
  const auto step = std::max<std::size_t>(1, waiting_.size() / asked_at_most);
  for (std::size_t i = 0; i < waiting_.size() && contexts_.size() < schedulers_.known().size(); i += step) {
    const auto& task = waiting_[i].task;
    if (task.depth != 0 && !task.frames.empty()) name_context(task.frames[0]);
    name_context(task.object);
  }
  for (const auto& each : not_begun_) name_context(each.task.frames[0]);
}

/// An executor of any type is {object {of three words}, functions for any object, where the object is, functions for
/// one of its type}, and an io_context's object begins with its address and flags, as a strand's does that is made of
/// it (asio/execution/any_executor.hpp).
void due_look::name_context(std::uint64_t executors) {
  constexpr std::size_t most = 64, to_object = 4, to_functions = 5;
  std::array<std::uint64_t, most> inside{};
  const auto count = executors < page_size ? 0 : bytes_.read(executors, inside.data(), sizeof inside) / 8;
  for (std::size_t i = 0; i + to_functions < count; ++i) {
    if (inside[i + to_object] != executors + 8 * i) continue;
    const auto scheduler = schedulers_.of_context(inside[i] & ~std::uint64_t{7});
    if (scheduler == 0 || contexts_.contains(scheduler)) continue;
    const auto function = bytes_.get<std::uint64_t>(inside[i + to_functions]).value_or(0);
    if (!schedulers_.is_code(function)) continue;
    for (const auto& name : from_.names().resolve(function)) {
      // As compilers spell it.
      if (name.function.find("10io_context19basic_executor_type") != std::string::npos)
        contexts_[scheduler] = "io_context";
      if (name.function.find("11thread_pool19basic_executor_type") != std::string::npos)
        contexts_[scheduler] = "thread_pool";
    }
  }
}

/// Whose task an operation resumes: the first word of it that is Asio's pointer to a task's outermost coroutine,
/// which the operation owns; or of the function that it owns, where the executor is of any type
/// (asio/detail/executor_function.hpp: {what completes it, function}).
void due_look::find_owner(std::uint64_t operation, std::uint64_t queue, std::size_t before, queued_operations& to) {
  constexpr std::size_t to_function = 1, behind_result = 3;
  const auto inside = schedulers_.block_at(operation);
  if (inside.size() <= behind_result) return;
  const auto find_in = [&](const std::vector<std::uint64_t>& words, std::size_t from, std::uint64_t function) {
    for (auto i = from; i < words.size(); ++i) {
      const auto owner = owners_.find(words[i]);
      if (owner == owners_.end()) continue;
      to[owner->second].push_back({operation, queue, function, before});
      return true;
    }
    return false;
  };
  if (find_in(inside, behind_result, inside[to_function])) return;
  const auto function = schedulers_.block_at(inside[behind_result]);
  if (!function.empty() && schedulers_.is_code(function[0])) find_in(function, 1, function[0]);
}

/// Where a task's handler waits; null: nowhere that is known of. Of an operation that has no task such a word may be
/// left over behind it: its function's name tells.
const due_look::queued_operation* due_look::operation_of(const queued_operations& operations, std::uint64_t task) {
  const auto found = operations.find(task);
  if (found == operations.end()) return nullptr;
  for (const auto& each : found->second) {
    const auto [known, is_new] = resumes_.try_emplace(each.function);
    if (is_new) {
      const auto names = from_.names().resolve(each.function);
      known->second = std::any_of(names.begin(), names.end(), [](const code_location& name) {
        return name.function.find("awaitable") != std::string::npos;
      });
    }
    if (known->second) return &each;
  }
  return nullptr;
}

void due_look::look_at(const waiting_task& each) {
  const auto& task = each.task;
  due_task due;
  due.id = task.id;
  due.resumes = task.resumes;
  const obstacle* way = nullptr;
  obstacle missed;
  const auto take = [&](const queued_operation& operation, std::string_view queue) {
    way = &obstacles_[operation.queue];
    due.queued = operation.address;
    const bool has_begun = detail::state_of(task.word) != detail::task_state::ready;
    due.over = fmt::format("{}its handler is queued {}", has_begun ? "" : "it was spawned and has never run: ", queue);
    if (operation.before != 0) due.over += fmt::format(", behind {}", count_of(operation.before, "1 other", "others"));
    // What was posted could have gone on at once, and a timer's task when that expired, at the latest.
    const auto age = detail::age_of(task, now_);
    due.for_ms = has_begun ? expired_for(task) : 0;
    if (detail::kind_of(task) == wait_kind::post && age > tick_ms) due.for_ms = age - tick_ms;
  };
  if (const auto* held_back = operation_of(held_back_, task.id)) {
    take(*held_back, "on its strand");
  } else if (const auto* posted = operation_of(posted_, task.id)) {
    take(*posted, "for a thread");
  } else if (each.timer_ms != 0) {
    way = &obstacles_[each.scheduler];
    due.for_ms = each.timer_ms;
    due.over = "its timer has expired";
  } else if (is(task, by_descriptor)) {
    way = &obstacles_[each.scheduler];
    if (!way->reason.empty() || task.id == asked_) find_what_has_come(task, due);
    if (due.over.empty()) return;
    due.worker = way->worker;
    // Bytes alone may be fewer than SO_RCVLOWAT asks for.
    if (way->reason.empty() && is_readable(from_.pid(), layout::descriptor_of(task.wait)).value_or(false)) {
      due.worker = resting_worker(each.scheduler);
      missed.reason = "its worker waits for events, and was told of none";
      if (due.worker != 0) way = &missed;
      due.missed_for_ms = due.worker != 0 ? 1 : 0;  // how long is known after two looks
    }
  } else {
    return;
  }
  if (way->reason.empty()) return;
  // What a core shows is one look, and tells of what has certainly been so for long.
  if (!moves_ && due.for_ms < due_after_ms && !way->lasting) return;
  if (due.for_ms != 0 && due.for_ms < due_after_ms) return;
  due.reason = way->reason;
  due.behind = way->behind;
  found_.push_back(std::move(due));
}

/// Its timer waits in the reactor's queue, where nobody has looked since it expired; see proof/asio_timers.
bool due_look::is_queued(const detail::wait_copy& wait) {
  constexpr std::uint64_t first_waiter = 16;
  const auto& type = schedulers_.type_of(schedulers_.service_of(wait.object));
  return type.find("deadline_timer_service") != std::string::npos &&
         bytes_.get<std::uint64_t>(wait.object) == wait.detail &&
         bytes_.get<std::uint64_t>(wait.object + first_waiter).value_or(0) != 0;
}

/// "5 B have come"; nothing is set where nothing is known of.
void due_look::find_what_has_come(const target_task& task, due_task& to) {
  const auto fd = layout::descriptor_of(task.wait);
  if (fd == layout::no_descriptor || !from_.is_alive()) return;
  const auto& what = descriptors_.at(fd);
  std::uint64_t bytes = 0;
  if (what.is == endpoint::kind::pipe && detail::kind_of(task) == wait_kind::descriptor_read)
    bytes = bytes_in_pipe(from_.pid(), fd).value_or(0);
  else if (what.is == endpoint::kind::socket && what.waiting)
    bytes = what.waiting->receive;
  if (bytes == 0 || (!what.listens && detail::kind_of(task) == wait_kind::socket_accept)) return;
  to.available = bytes;
  if (what.listens)
    to.over = count_of(bytes, "1 connection has", "connections have") + " come";
  else
    to.over = bytes == 1 ? "1 B has come" : format_bytes(bytes) + " have come";
}

/// Who waits for a scheduler's events, and has done so since the threads were found, as have its other threads: what
/// came before that is in nobody's hands. 0: nobody, or not known.
std::uint32_t due_look::resting_worker(std::uint64_t scheduler) const {
  if (!at_rest_.contains(scheduler)) return 0;
  std::uint32_t worker = 0;
  for (const auto tid : calls_.runs.at(scheduler)) {
    const auto runs_it = [tid](const auto& each) {
      return std::find(each.second.begin(), each.second.end(), tid) != each.second.end();
    };
    // One within a handler of another context would wait there.
    if (std::count_if(calls_.runs.begin(), calls_.runs.end(), runs_it) != 1) return 0;
    const auto thread = std::find_if(places_.threads.begin(), places_.threads.end(),
                                     [tid](const thread_registers& each) { return each.tid == tid; });
    const auto asleep = read_sleep(from_.pid(), static_cast<pid_t>(tid));
    const auto place = static_cast<std::size_t>(thread - places_.threads.begin());
    if (!asleep || place >= places_.slices.size() || asleep->slices != places_.slices[place]) return 0;
    bool in_reactor = asleep->call == SYS_epoll_pwait || asleep->call == SYS_epoll_pwait2;
#if defined(SYS_epoll_wait)
    in_reactor = in_reactor || asleep->call == SYS_epoll_wait;
#endif
    if (in_reactor && worker != 0) return 0;
    if (in_reactor) worker = tid;
  }
  return worker;
}

/// Who runs a scheduler; nothing: not known.
std::optional<std::vector<std::uint32_t>> due_look::runners_of(std::uint64_t scheduler) {
  if (const auto found = calls_.runs.find(scheduler); found != calls_.runs.end()) return found->second;
  // Asio in the executable keeps who runs what in the executable's thread-local storage. That of a library is
  // elsewhere: then nobody runs it whose stack has no word of it.
  const bool told = schedulers_.is_of_executable(scheduler) ? calls_.complete
                                                            : calls_.all_stacks && !calls_.may_run.contains(scheduler);
  if (told) return std::vector<std::uint32_t>();
  return std::nullopt;
}

std::uint32_t due_look::inner_tid(std::uint32_t tid) const {
  const auto found = inner_.find(tid);
  return found == inner_.end() ? tid : found->second;
}

/// The task that a thread has run for long, the innermost; null: none.
const target_task* due_look::task_on(std::uint32_t tid) {
  const target_task* innermost = nullptr;
  for (const auto& task : running_)
    if (task.thread == inner_tid(tid) && (!innermost || task.since >= innermost->since)) innermost = &task;
  return innermost && detail::age_of(*innermost, now_) >= due_after_ms + tick_ms ? innermost : nullptr;
}

due_look::obstacle due_look::find_obstacle(std::uint64_t scheduler, const scheduler_state& state) {
  const auto runners = runners_of(scheduler);
  if (!runners) return {};
  if (runners->empty()) {
    const auto named = contexts_.find(scheduler);
    const auto* context = named != contexts_.end() ? named->second.c_str()
                          : state.is_io_context    ? "io_context"
                                                   : "execution context";
    return {fmt::format("no thread runs its {}{}", context, state.stopped ? " (stopped)" : ""), 0, state.stopped};
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
  if (tasks.size() == 1)
    return {fmt::format("its only worker has run task {} for {}", ids, age), tasks[0]->id, true, (*runners)[0]};
  return {fmt::format("each of its {} workers has run one task for {} or longer: tasks {}", tasks.size(), age, ids),
          tasks[0]->id, true};
}

/// Who holds a strand is in a handler of it, on some thread.
due_look::obstacle due_look::holder_of(std::uint64_t strand) {
  const auto found = calls_.runs.find(strand);
  if (found == calls_.runs.end()) return {};
  for (const auto tid : found->second)
    if (const auto* task = task_on(tid))
      return {fmt::format("task {} holds its strand, and has run for {}", task->id,
                          format_age(detail::age_of(*task, now_), tick_ms)),
              task->id, true};
  return {};
}

}  // namespace tasks::cli
