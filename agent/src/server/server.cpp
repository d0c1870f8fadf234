#include "server/server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <new>

#include "descriptor.hpp"
#include "readers/record_reader.hpp"
#include "registry/process_roots.hpp"
#include "server/socket_directory.hpp"

namespace tasks::detail {
namespace {

using std::chrono::milliseconds;

/// How often the coarse clock advances: at rest, and while a reader is there or was a moment ago.
constexpr milliseconds rest_tick{1000};
constexpr milliseconds watched_tick{100};
constexpr std::chrono::seconds watched_for{10};

/// May the process at the other end read this one? Same user, or root.
bool may_read(int fd) noexcept {
  ucred who{};
  socklen_t size = sizeof who;
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && (who.uid == geteuid() || who.uid == 0);
}

}  // namespace

server::server(serve_shared& shared)
    : shared_(shared),
      acceptor_(io_, asio::local::stream_protocol(), shared.listen_fd),
      stop_(io_, shared.stop_fd),
      tick_(io_),
      pause_(io_) {
  asio::co_spawn(io_, accept_connections(), [](const std::exception_ptr&) {});
  asio::co_spawn(io_, advance_clock(), [](const std::exception_ptr&) {});
  watch_stop();
}

server::~server() {
  timing_.turn_off();
  store_ticks(0, static_cast<std::uint32_t>(rest_tick.count()));
  asio::error_code ignored;
  stop_.release();
  acceptor_.release(ignored);
}

void server::run() {
  for (;;) {
    try {
      io_.run();
      return;
    } catch (const std::bad_alloc&) {
      // Whatever was being done is lost; the next reader may have more luck.
    }
  }
}

void server::watch_stop() {
  stop_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const asio::error_code&) { io_.stop(); });
}

asio::awaitable<void> server::accept_connections() {
  for (;;) {
    asio::error_code error;
    co_await acceptor_.async_wait(acceptor_.wait_read, asio::redirect_error(asio::use_awaitable, error));
    // Asio's own accept makes descriptors that a program started at this moment would inherit.
    const int fd = error ? -1 : accept4(shared_.listen_fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      accept_one(fd);
    } else if (error || (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)) {
      pause_.expires_after(watched_tick);  // out of descriptors, most likely: they are the host's
      co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
  }
}

void server::accept_one(int accepted) {
  descriptor fd{accepted};
  if (!may_read(fd.get())) return;
  last_client_ = session::clock::now();
  auto* place = free_place();
  if (place == nullptr) return refuse(fd.get());
  try {
    if (sessions_.empty()) tick_.cancel();  // faster from now on
    asio::local::stream_protocol::socket socket(io_, asio::local::stream_protocol(), fd.get());
    place->store(fd.release(), std::memory_order_relaxed);
    const auto at = sessions_.emplace(sessions_.end(), shared_, quota_, timing_, std::move(socket), *place);
    asio::co_spawn(io_, at->run(), [this, at](const std::exception_ptr&) {
      last_client_ = session::clock::now();
      sessions_.erase(at);
      end_timing_unless_wanted();
    });
  } catch (const std::exception&) {
    // No memory: the reader sees its connection closed.
  }
}

/// Where to note another connection; null: there are enough. Readers that have left before this one came, of which
/// the reactor has not told yet, do not count.
std::atomic<int>* server::free_place() noexcept {
  const auto find = [this] {
    return std::find_if(shared_.connections.begin(), shared_.connections.end(),
                        [](const auto& place) { return place.load(std::memory_order_relaxed) < 0; });
  };
  auto place = find();
  if (place == shared_.connections.end()) {
    for (auto& s : sessions_)
      if (s.departed()) s.close();
    place = find();
  }
  return place == shared_.connections.end() ? nullptr : &*place;
}

/// One message of a few bytes: it fits into a new socket's buffer, or the reader is none of ours.
void server::refuse(int fd) const {
  const auto text =
      wire::encode(wire::hello{static_cast<std::uint32_t>(getpid()), shared_.start_time, shared_.instance}) +
      wire::encode(wire::error_code::busy, "too many connections");
  static_cast<void>(::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

bool server::watched(session::clock::time_point now) const noexcept {
  return !sessions_.empty() || now - watched_for < last_client_;
}

void server::end_timing_unless_wanted() noexcept {
  const auto now = session::clock::now();
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

asio::awaitable<void> server::advance_clock() {
  for (;;) {
    const auto now = session::clock::now();
    const auto period = watched(now) ? watched_tick : rest_tick;
    store_clock(period);
    for (auto& s : sessions_) s.expire(now);
    end_timing_unless_wanted();
    if (shared_.stops.load(std::memory_order_relaxed)) io_.stop();
    tick_.expires_after(period);
    asio::error_code cancelled;
    co_await tick_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
}

/// Nothing of this object is destroyed when the program exits: its thread may be at work then, and is ended after what
/// it has made since (Asio's error categories).
extern "C" int keep_for_ever(void (*)(void*), void*, void*) noexcept asm("__cxa_atexit");
int keep_for_ever(void (*)(void*), void*, void*) noexcept { return 0; }

int tasks_serve(serve_shared& shared) noexcept {
  try {
    const auto self = std::make_unique<server>(shared);
    shared.server.store(self.get(), std::memory_order_relaxed);
    try {
      remove_stale_names(shared.path);
    } catch (const std::bad_alloc&) {
      // They stay until the next start.
    }
    self->run();
  } catch (const asio::system_error& e) {
    return e.code().value();
  } catch (const std::exception&) {
    return ENOMEM;
  }
  shared.server.store(nullptr, std::memory_order_relaxed);
  return 0;
}

}  // namespace tasks::detail
