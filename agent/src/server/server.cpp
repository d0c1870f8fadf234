#include "server/server.hpp"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <memory>
#include <new>
#include <utility>

#include "readers/record_reader.hpp"
#include "registry/futex.hpp"
#include "registry/process_roots.hpp"
#include "server/own_descriptors.hpp"
#include "server/stale_names.hpp"

namespace tasks::detail {
namespace {

using std::chrono::milliseconds;

/// How often the coarse clock advances: at rest, and while a reader is there or was a moment ago.
constexpr milliseconds rest_tick{1000};
constexpr milliseconds watched_tick{100};
constexpr std::chrono::seconds watched_for{10};

/// More is given back as soon as no reader is there, less when none has been for a while.
constexpr std::size_t kept_memory = std::size_t{1} << 20;

/// May the process at the other end read this one? Same user, or root.
bool may_read(int fd) noexcept {
  ucred who{};
  socklen_t size = sizeof who;
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && (who.uid == geteuid() || who.uid == 0);
}

}  // namespace

server::server(serve_shared& shared, const cpu_quota& quota, timing_switch& timing, arena& memory) noexcept
    : shared_(shared),
      quota_(quota),
      timing_(timing),
      memory_(memory),
      listen_fd_(shared.listen_fd),
      stop_fd_(shared.stop_fd) {}

int server::run() {
  polled all;
  for (;;) {
    if (const auto now = clock::now(); now >= next_tick_) tick(now);
    if (shared_.stops.load(std::memory_order_relaxed)) return 0;
    const auto count = gather(all);
    if (calls::poll(all.data(), count, time_left(clock::now())) < 0) {
      const int error = errno;
      if (error == EINVAL)
        poll_fewer();
      else if (error != EINTR && error != ENOMEM)
        return error;  // a sandbox forbids it: there is no way to wait
      continue;
    }
    if ((all[0].revents & (POLLIN | POLLHUP)) != 0) return 0;
    if ((all[0].revents & POLLNVAL) != 0) stop_fd_ = -1;
    go_on_with(all);
    if ((all[1].revents & POLLNVAL) != 0)
      listen_fd_ = -1;
    else if (all[1].revents != 0)
      accept_one();
  }
}

void server::poll_fewer() {
  if (sessions_.empty()) {
    const auto left = time_left(clock::now()).count();
    const timespec wait{.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
    return wait_futex(shared_.begun, 1, &wait);
  }
  const auto newest = std::prev(sessions_.end());
  newest->close();
  newest->go_on();
  if (newest->is_over()) end_session(newest);
}

std::size_t server::gather(polled& all) const noexcept {
  all[0] = {.fd = stop_fd_, .events = POLLIN, .revents = 0};
  const bool accepts = accept_again_ <= clock::now();
  all[1] = {.fd = accepts ? listen_fd_ : -1, .events = POLLIN, .revents = 0};
  auto count = own;
  for (const auto& each : sessions_) all[count++] = each.wants();
  return count;
}

std::chrono::nanoseconds server::time_left(clock::time_point now) const noexcept {
  auto until = next_tick_;
  if (accept_again_ > now) until = std::min(until, accept_again_);
  for (const auto& each : sessions_) until = std::min(until, each.is_closed() ? now : each.until());
  return until > now ? until - now : std::chrono::nanoseconds(0);
}

void server::go_on_with(const polled& all) {
  const auto now = clock::now();
  const auto* state = all.data() + own;
  for (auto at = sessions_.begin(); at != sessions_.end(); ++state) {
    const auto each = at++;
    if (state->revents == 0 && !each->is_closed() && each->until() > now) continue;
    each->go_on();
    if (each->is_over()) end_session(each);
  }
}

void server::end_session(std::list<session>::iterator at) {
  last_client_ = clock::now();
  sessions_.erase(at);
  end_timing_unless_wanted(last_client_);
}

void server::accept_one() {
  const int fd = calls::accept(listen_fd_, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd >= 0) return admit(descriptor{fd});
  // Out of descriptors, most likely: they are the host's.
  if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) accept_again_ = clock::now() + watched_tick;
}

void server::admit(descriptor fd) {
  if (!may_read(fd.get())) return;
  last_client_ = clock::now();
  auto* place = free_place();
  if (place == nullptr) return refuse(fd.get());
  if (sessions_.empty()) next_tick_ = clock::time_point::min();  // faster from now on
  // Noted first, so that it is closed if there is no memory for it.
  place->store(fd.get(), std::memory_order_relaxed);
  const auto at = sessions_.emplace(sessions_.end(), shared_, quota_, timing_, std::move(fd), *place);
  if (at->is_over()) end_session(at);
}

/// Where to note another connection; null: there are enough. Readers that have left before this one came, of which
/// poll(2) has not told yet, do not count.
std::atomic<int>* server::free_place() noexcept {
  const auto find = [this] {
    return std::find_if(shared_.connections.begin(), shared_.connections.end(),
                        [](const auto& place) { return place.load(std::memory_order_relaxed) < 0; });
  };
  auto place = find();
  if (place == shared_.connections.end()) {
    for (auto at = sessions_.begin(); at != sessions_.end();) {
      const auto each = at++;
      if (!each->departed()) continue;
      each->close();
      each->go_on();
      if (each->is_over()) sessions_.erase(each);
    }
    place = find();
  }
  return place == shared_.connections.end() || sessions_.size() == shared_.connections.size() ? nullptr : &*place;
}

/// One message of a few bytes: it fits into a new socket's buffer, or the reader is none of ours.
void server::refuse(int fd) const {
  const auto text =
      wire::encode(wire::hello{static_cast<std::uint32_t>(getpid()), shared_.start_time, shared_.instance}) +
      wire::encode(wire::error_code::busy, "too many connections");
  static_cast<void>(calls::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

bool server::watched(clock::time_point now) const noexcept {
  return !sessions_.empty() || now - watched_for < last_client_;
}

void server::end_timing_unless_wanted(clock::time_point now) noexcept {
  if (!timing_.is_on() ||
      std::any_of(sessions_.begin(), sessions_.end(), [now](const session& s) { return s.wants_timing(now); }))
    return;
  timing_.turn_off();
  store_clock(watched_tick);
}

void server::store_clock(milliseconds resolution) noexcept {
  const auto now = monotonic_ms();
  // While tasks are timed a tick of 0 leads them to where that is done, and the time is there.
  store_ticks(timing_.is_on() ? 0 : now, static_cast<std::uint32_t>(resolution.count()));
  timing_.advance(now);
}

void server::tick(clock::time_point now) noexcept {
  const auto period = watched(now) ? watched_tick : rest_tick;
  store_clock(period);
  for (auto& each : sessions_) each.expire(now);
  end_timing_unless_wanted(now);
  if (sessions_.empty() && (!watched(now) || memory_.mapped() > kept_memory)) memory_.drop();
  next_tick_ = now + period;
}

namespace {

constexpr char thread_name[] = "tasks-agent";  // by which the executable knows it

/// And what else was open when memory ran out.
void close_connections(serve_shared& shared) noexcept {
  for (auto& place : shared.connections)
    if (const int fd = place.exchange(-1, std::memory_order_relaxed); fd >= 0) {
      shutdown(fd, SHUT_RDWR);
      calls::close(fd);
    }
  if (shared.has_own_descriptors) close_all_but(shared.descriptors());
}

/// What lasts while servers come and go.
struct lasting {
  serve_shared& shared;
  arena memory;
  timing_switch timing;
  cpu_quota* quota = nullptr;  ///< null: there was no memory for it
  int error = 0;               ///< why nobody is served any more; 0: the owner has asked to stop
  const cpu_quota none{cpu_quota::unlimited()};
  alignas(server) unsigned char place[sizeof(server)];
};

void serve(lasting& own) noexcept {
  if (!attempt([&own] { own.quota = new cpu_quota; })) own.memory.drop();
  own.memory.keep();
  // Else they stay until the next start.
  static_cast<void>(attempt([&own] { remove_stale_names(own.shared.path); }));
  for (;;) {
    own.memory.drop();
    const bool stopped = attempt([&own] {
      auto* self =
          ::new (own.place) server(own.shared, own.quota != nullptr ? *own.quota : own.none, own.timing, own.memory);
      own.error = self->run();
      std::destroy_at(self);
    });
    if (stopped) return;
    // There is no memory: readers see their connections closed, and the next ones may have more luck.
    close_connections(own.shared);
    own.timing.turn_off();
  }
}

/// Who has connected meanwhile is refused rather than kept waiting.
void say_that_nobody_serves(serve_shared& shared, int error) noexcept {
  this_root.agent_errno.store(error, std::memory_order_relaxed);
  this_root.agent.store(static_cast<std::uint32_t>(layout::agent_status::no_socket), std::memory_order_release);
  unlink(shared.path.c_str());
  shutdown(shared.listen_fd, SHUT_RDWR);
}

}  // namespace

void tasks_serve(serve_shared& shared) noexcept {
  // Before anything else: who waits for this may hold locks.
  shared.has_own_descriptors = have_own_descriptors(shared.descriptors());
  prctl(PR_SET_NAME, thread_name);
  shared.begun.store(1, std::memory_order_release);
  wake_futex(shared.begun);
  lasting own{.shared = shared, .memory = {}, .timing = {}, .place = {}};
  own_arena = &own.memory;
  serve(own);
  if (own.error != 0) say_that_nobody_serves(shared, own.error);
  own.timing.turn_off();
  store_ticks(0, static_cast<std::uint32_t>(rest_tick.count()));
  own.memory.drop();
}

}  // namespace tasks::detail
