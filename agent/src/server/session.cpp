#include "server/session.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "length_prefix.hpp"
#include "registry/process_roots.hpp"
#include "server/process_vitals.hpp"

// No co_await stands to the right of && or ?: here: g++ 12 evaluates its operand whatever the left side
// says, and takes the first branch whatever the condition is.

namespace tasks::detail {
namespace {

/// How old an age may be: waits were stamped while nobody watched.
constexpr std::uint32_t coarsest_tick_ms = 1000;

constexpr std::size_t piece = 4096;

constexpr std::uint64_t bit(layout::wait_kind kind) noexcept { return std::uint64_t{1} << static_cast<unsigned>(kind); }

task_filter blocked_on_channels() {
  return {.ids = {}, .kinds = bit(layout::wait_kind::channel_send) | bit(layout::wait_kind::channel_receive)};
}

wire::chunk_writer::spawn_sites sites_of(const wire::request& ask) noexcept {
  using spawn_sites = wire::chunk_writer::spawn_sites;
  return ask.without_spawn_sites ? spawn_sites::left_out : spawn_sites::told;
}

wire::trailer end_of(const walk_counts& counts) noexcept {
  return {.shown = 0,
          .total = counts.tasks,
          .complete = false,
          .torn = counts.torn,
          .groups_left_out = 0,
          .matched = counts.matched,
          .tick_resolution_ms = coarsest_tick_ms};
}

}  // namespace

session::session(const serve_shared& shared, const cpu_quota& quota, timing_switch& timing, descriptor socket,
                 std::atomic<int>& fd_place)
    : shared_(shared), quota_(quota), timing_(timing), socket_(std::move(socket)), fd_place_(fd_place), run_(run()) {
  fd_place_.store(socket_.get(), std::memory_order_relaxed);
  run_.begin();
}

session::~session() { close(); }

bool session::departed() const noexcept {
  pollfd state{.fd = socket_.get(), .events = 0, .revents = 0};
  return socket_ && calls::poll(&state, 1, {}) == 1 && (state.revents & POLLHUP) != 0;
}

void session::close() noexcept {
  if (!socket_) return;  // its place may be another's by now
  // First, so that the child of a fork never closes a number that is another descriptor's by now. And shut down,
  // because a child that was forked before has a copy that keeps the connection open.
  fd_place_.store(-1, std::memory_order_relaxed);
  shutdown(socket_.get(), SHUT_RDWR);
  socket_.reset();
}

void session::expire(clock::time_point now) noexcept {
  if (deadline_ < now) close();
}

async<bool> session::send(std::string_view data) {
  while (!data.empty()) {
    deadline_ = clock::now() + write_deadline;
    const auto sent = socket_ ? calls::send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL) : 0;
    if (sent < 0 && errno == EAGAIN) {
      co_await wait_for(POLLOUT);
      continue;
    }
    if (sent <= 0) co_return false;
    data.remove_prefix(static_cast<std::size_t>(sent));
  }
  co_return true;
}

async<session::received> session::receive(std::string_view& message) {
  input_.erase(0, std::exchange(consumed_, 0));
  deadline_ = clock::now() + read_deadline;
  for (;;) {
    const auto prefix = read_length_prefix(input_);
    if (prefix.is == length_prefix::state::malformed) co_return received::malformed;
    if (prefix.is == length_prefix::state::complete) {
      if (prefix.length > wire::longest_request) co_return received::too_large;
      if (input_.size() - prefix.size >= prefix.length) {
        message = std::string_view(input_).substr(prefix.size, prefix.length);
        consumed_ = prefix.size + prefix.length;
        co_return received::message;
      }
    }
    const auto before = input_.size();
    input_.resize(before + piece);
    const auto got = socket_ ? calls::receive(socket_.get(), input_.data() + before, piece) : 0;
    const bool later = got < 0 && errno == EAGAIN;
    input_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (later)
      co_await wait_for(POLLIN);
    else if (got <= 0)
      co_return received::closed;
  }
}

async<void> session::run() {
  bool more = co_await send(
      wire::encode(wire::hello{static_cast<std::uint32_t>(getpid()), shared_.start_time, shared_.instance}));
  while (more) {
    std::string_view message;
    switch (co_await receive(message)) {
      case received::message:
        more = co_await answer(message);
        // Others have their turn. And the stack ends here where coroutines do not go on by tail calls.
        if (more) co_await yield();
        break;
      case received::closed:
        more = false;
        break;
      case received::too_large:
        co_await send(wire::encode(wire::error_code::too_large, "a request is at most 65536 bytes long"));
        more = false;
        break;
      case received::malformed:
        co_await send(wire::encode(wire::error_code::malformed, "the length in front of the request is none"));
        more = false;
        break;
    }
  }
  close();
}

async<bool> session::answer(std::string_view message) {
  const auto ask = wire::decode_request(message);
  if (!ask) {
    co_await send(wire::encode(wire::error_code::malformed, "not a Request"));
    co_return false;
  }
  if (ask->protocol > wire::protocol_version)
    co_return co_await send(wire::encode(wire::error_code::newer_protocol, "this agent speaks protocol 1"));
  switch (ask->ask) {
    case wire::request::kind::vitals:
      co_return co_await answer_vitals(*ask);
    case wire::request::kind::stacks:
      if (ask->grouped) co_return co_await answer_grouped(*ask);
      co_return co_await answer_each(*ask);
    case wire::request::kind::timing:
      co_return co_await answer_timing(*ask);
    case wire::request::kind::unknown:
      break;
  }
  co_return co_await send(wire::encode(wire::error_code::unknown_request, "this agent does not know the request"));
}

async<void> session::yield() {
  deadline_ = clock::time_point::max();
  co_await wait_until(clock::time_point::min());
}

wire::timing_state session::state_of_timing() const noexcept {
  const auto* area = timing_.area();
  if (area == nullptr) return {};
  return {.on = true,
          .on_for_ns = timing_.on_for(),
          .left_out = area->left_out.load(std::memory_order_relaxed),
          .ended_left_out = area->ended_left_out.load(std::memory_order_relaxed),
          .counter = area->is_counter.load(std::memory_order_relaxed) != 0};
}

async<bool> session::answer_timing(const wire::request& ask) {
  const auto lease = std::min<clock::duration>(std::chrono::milliseconds(ask.lease_ms), longest_lease);
  timed_until_ = lease == clock::duration::zero() ? clock::time_point::min() : clock::now() + lease;
  while (lease != clock::duration::zero() && !timing_.is_on() && !timing_.is_calibrated()) {
    deadline_ = clock::time_point::max();
    co_await wait_until(clock::now() + std::chrono::milliseconds(1));
  }
  if (lease != clock::duration::zero()) static_cast<void>(timing_.turn_on());
  wire::trailer end{};
  end.complete = true;
  end.tick_resolution_ms = coarsest_tick_ms;
  end.timing = state_of_timing();
  co_return co_await send(wire::encode(end));
}

async<bool> session::send_ended_times(wire::chunk_writer& out) {
  for (const auto& each : times_reader(timing_.area()).of_ended()) {
    out.add(each);
    if (out.full()) {
      if (!co_await send(out.take())) co_return false;
    }
  }
  co_return true;
}

async<bool> session::send_last(wire::chunk_writer& out, const wire::trailer& end) {
  auto last = wire::encode(end);
  if (!out.empty()) last.insert(0, out.take());
  co_return co_await send(last);
}

async<bool> session::answer_each(const wire::request& ask) {
  task_walk walk(ask.filter, task_walk::order::oldest_first, ask.texts);
  wire::chunk_writer out(sites_of(ask));
  std::uint64_t shown = 0;
  for (;;) {
    const auto step = walk.next();
    if (step == task_walk::step::end) break;
    if (step == task_walk::step::pause) {
      co_await yield();
      continue;
    }
    if (ask.limit != 0 && shown == ask.limit) continue;
    if (ask.timing) {
      const auto times = times_reader(timing_.area()).of(walk.task(), walk.slabs());
      out.add(walk.task(), walk.now(), walk.slabs(), &times);
    } else {
      out.add(walk.task(), walk.now(), walk.slabs(), nullptr);
    }
    ++shown;
    if (out.full()) {
      walk.forget();
      if (!co_await send(out.take())) co_return false;
    }
  }
  if (ask.timing) {
    if (!co_await send_ended_times(out)) co_return false;
  }
  auto end = end_of(walk.counts());
  if (ask.timing) end.timing = state_of_timing();
  end.shown = shown;
  end.complete = shown == end.matched && end.torn == 0;
  co_return co_await send_last(out, end);
}

async<bool> session::send_groups(wire::chunk_writer& out, stack_groups& groups, std::span<const failure_copy> failures,
                                 std::span<const task_times> times, std::uint64_t limit, wire::trailer& end) {
  for (const auto& failure : failures) out.add(failure, monotonic_ms());
  end.groups_left_out = groups.left_out();
  std::uint64_t listed = 0;
  for (const auto& group : groups.sort()) {
    if (limit != 0 && listed == limit) {
      ++end.groups_left_out;
      continue;
    }
    out.add(group, groups.frames(group), times.empty() ? nullptr : &times[group.number]);
    ++listed;
    end.shown += group.count;
    if (out.full()) {
      if (!co_await send(out.take())) co_return false;
    }
  }
  end.complete = end.shown == end.matched && end.torn == 0;
  co_return true;
}

async<bool> session::answer_grouped(const wire::request& ask) {
  task_walk walk(ask.filter, task_walk::order::any, ask.texts);
  stack_groups groups;
  std::vector<task_times> times;
  for (auto step = walk.next(); step != task_walk::step::end; step = walk.next()) {
    if (step == task_walk::step::pause) {
      co_await yield();
      continue;
    }
    const auto group = groups.add(walk.task(), walk.age());
    if (!ask.timing || group == stack_groups::no_group) continue;
    if (group >= times.size()) times.resize(group + 1);
    times[group].add(times_reader(timing_.area()).of(walk.task(), walk.slabs()));
  }
  auto end = end_of(walk.counts());
  if (ask.timing) end.timing = state_of_timing();
  wire::chunk_writer out(sites_of(ask));
  if (!co_await send_groups(out, groups, {}, times, ask.limit, end)) co_return false;
  if (ask.timing) {
    if (!co_await send_ended_times(out)) co_return false;
  }
  co_return co_await send_last(out, end);
}

async<bool> session::answer_vitals(const wire::request& ask) {
  task_walk walk(blocked_on_channels(), task_walk::order::any);
  stack_groups groups;
  for (auto step = walk.next(); step != task_walk::step::end; step = walk.next()) {
    if (step == task_walk::step::pause)
      co_await yield();
    else if (!ask.counts_only)
      groups.add(walk.task(), walk.age());
  }
  const auto registries = walk.slabs().registries();
  wire::vitals vitals{.counts = walk.counts(),
                      .process = ask.without_process ? read_tasks_vitals(registries, quota_)
                                                     : read_process_vitals(registries, shared_.start_time, quota_),
                      .all_on_channels = walk.counts().all_on_channels(),
                      .tick_resolution_ms = coarsest_tick_ms,
                      .lost = 0};
  for (const auto* home : registries) vitals.lost += home->lost.load(std::memory_order_acquire);
  const auto ends = count_ends(registries);
  vitals.ended = ends.ended;
  vitals.failed = ends.failed;
  vitals.cancelled = ends.cancelled;
  auto end = end_of(walk.counts());
  auto told = wire::encode(vitals);
  if (ask.counts_only) {
    end.complete = end.torn == 0;
    told += wire::encode(end);
    co_return co_await send(told);
  }
  if (!co_await send(told)) co_return false;
  std::vector<failure_copy> failures;
  for (const auto* home : registries) copy_failures(*home, failures);
  sort_failures(failures);
  wire::chunk_writer out;
  if (!co_await send_groups(out, groups, failures, {}, 0, end)) co_return false;
  co_return co_await send_last(out, end);
}

}  // namespace tasks::detail
