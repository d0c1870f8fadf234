/// A line server: every line a client sends is a job, done by a pool of workers, and answered with one line.
///
///   client ──line──> session ──job──> pool (a channel) ──> worker × 4
///          <─answer─         <──────── reply (a channel) ──┘
///
/// Two threads run it. It prints the port it listens on and `ready`, and stops when its standard input closes, or on
/// SIGINT or SIGTERM. With --leak it also makes the mistakes listed in `leaks`, at the bottom. Compiled with
/// LAB_USE_BOOST it is the same program on Boost.Asio.

#if defined(LAB_USE_BOOST)
#  include <boost/asio.hpp>
#  include <boost/asio/experimental/awaitable_operators.hpp>
#  include <boost/asio/experimental/concurrent_channel.hpp>
#else
#  include <asio.hpp>
#  include <asio/experimental/awaitable_operators.hpp>
#  include <asio/experimental/concurrent_channel.hpp>
#endif

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace lab {

#if defined(LAB_USE_BOOST)
namespace asio = boost::asio;
using error_code = boost::system::error_code;
#else
using error_code = asio::error_code;
#endif

using asio::awaitable;
using asio::co_spawn;
using asio::detached;
using asio::use_awaitable;
using asio::ip::tcp;
using namespace asio::experimental::awaitable_operators;
using namespace std::chrono_literals;

template <class T>
using channel = asio::experimental::concurrent_channel<void(error_code, T)>;

// The pool.

struct reply {
  explicit reply(const asio::any_io_executor& executor, std::size_t capacity = 1) : answers(executor, capacity) {}
  channel<std::string> answers;
};

struct job {
  std::string line;
  std::shared_ptr<reply> to;
};

struct pool {
  explicit pool(const asio::any_io_executor& executor) : jobs(executor, 16) {}
  channel<job> jobs;
  std::atomic<std::uint64_t> done{0};
};

std::string shout(std::string line) {
  std::transform(line.begin(), line.end(), line.begin(), [](unsigned char c) { return std::toupper(c); });
  return line + '\n';
}

awaitable<job> next_job(pool& work) { co_return co_await work.jobs.async_receive(use_awaitable); }

awaitable<void> worker(std::shared_ptr<pool> work) {
  for (;;) {
    const job next = co_await next_job(*work);
    next.to->answers.try_send(error_code{}, shout(next.line));
    work->done.fetch_add(1, std::memory_order_relaxed);
  }
}

awaitable<std::string> ask(pool& work, std::string line) {
  const auto answer = std::make_shared<reply>(co_await asio::this_coro::executor);
  job question{std::move(line), answer};
  co_await work.jobs.async_send(error_code{}, std::move(question), use_awaitable);
  co_return co_await answer->answers.async_receive(use_awaitable);
}

// The server.

struct options {
  std::uint16_t port = 0;
  std::chrono::seconds idle = 10min;
  std::vector<std::string_view> leaks;
};

awaitable<std::string> read_line(tcp::socket& socket, std::string& buffer) {
  const std::size_t size =
      co_await asio::async_read_until(socket, asio::dynamic_buffer(buffer, 65536), '\n', use_awaitable);
  std::string line = buffer.substr(0, size - 1);
  buffer.erase(0, size);
  co_return line;
}

awaitable<void> idle_timeout(std::chrono::seconds limit) {
  asio::steady_timer timer(co_await asio::this_coro::executor, limit);
  co_await timer.async_wait(use_awaitable);
}

awaitable<void> talk(tcp::socket& socket, pool& work, std::chrono::seconds idle) {
  std::string buffer;
  for (;;) {
    auto line = co_await (read_line(socket, buffer) || idle_timeout(idle));
    if (line.index() == 1) co_return;
    const std::string answer = co_await ask(work, std::get<0>(std::move(line)));
    co_await asio::async_write(socket, asio::buffer(answer), use_awaitable);
  }
}

awaitable<void> session(tcp::socket socket, std::shared_ptr<pool> work, std::chrono::seconds idle) {
  try {
    co_await talk(socket, *work, idle);
  } catch (const std::exception&) {
    // The client has gone; so does its session.
  }
}

awaitable<void> listener(tcp::acceptor acceptor, std::shared_ptr<pool> work, options chosen);

awaitable<void> statistics(std::shared_ptr<pool> work) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (std::uint64_t seen = 0;;) {
    timer.expires_after(30s);
    co_await timer.async_wait(use_awaitable);
    const std::uint64_t done = work->done.load(std::memory_order_relaxed);
    if (done != seen) std::clog << "lab: " << std::exchange(seen, done) << " -> " << done << " lines\n";
  }
}

awaitable<void> input_closes() {
  asio::posix::stream_descriptor input(co_await asio::this_coro::executor, ::dup(STDIN_FILENO));
  std::array<char, 256> ignored{};
  for (error_code error; !error;) {
    co_await input.async_read_some(asio::buffer(ignored), asio::redirect_error(use_awaitable, error));
  }
}

awaitable<void> stop_signal() {
  asio::signal_set signals(co_await asio::this_coro::executor, SIGINT, SIGTERM);
  co_await signals.async_wait(use_awaitable);
}

std::atomic<bool> stopping{false};

awaitable<void> stop_on_request(asio::io_context& io) {
  co_await (input_closes() || stop_signal());
  stopping = true;
  stopping.notify_all();
  io.stop();
}

// The mistakes. Each leaves tasks behind that nothing will ever wake, or holds up a thread.

awaitable<void> ask_replica(std::shared_ptr<reply> first, int replica) {
  co_await first->answers.async_send(error_code{}, "replica " + std::to_string(replica), use_awaitable);
}

/// Asks three replicas and takes the first answer: the other two have nobody to send theirs to.
awaitable<void> leak_send() {
  const auto executor = co_await asio::this_coro::executor;
  const auto first = std::make_shared<reply>(executor, 0);
  for (int replica = 1; replica <= 3; ++replica) co_spawn(executor, ask_replica(first, replica), detached);
  co_await first->answers.async_receive(use_awaitable);
}

/// Drops a pool without closing it: its workers are left with a channel that only they know.
awaitable<void> leak_receive() {
  const auto executor = co_await asio::this_coro::executor;
  const auto forgotten = std::make_shared<pool>(executor);
  for (int i = 0; i < 3; ++i) co_spawn(executor, worker(forgotten), detached);
}

/// Closes a channel over a sender that waits. Asio leaves it waiting unless cancel() is called, too.
awaitable<void> leak_close() {
  const auto executor = co_await asio::this_coro::executor;
  const auto closed = std::make_shared<reply>(executor, 0);
  co_spawn(executor, ask_replica(closed, 1), detached);
  co_await asio::post(executor, use_awaitable);
  closed->answers.close();
}

awaitable<void> pass_on(std::shared_ptr<reply> from, std::shared_ptr<reply> to) {
  std::string message = co_await from->answers.async_receive(use_awaitable);
  co_await to->answers.async_send(error_code{}, std::move(message), use_awaitable);
}

/// Two tasks, each of which waits for what the other would send next.
awaitable<void> leak_cycle() {
  const auto executor = co_await asio::this_coro::executor;
  const auto left = std::make_shared<reply>(executor);
  const auto right = std::make_shared<reply>(executor);
  co_spawn(executor, pass_on(left, right), detached);
  co_spawn(executor, pass_on(right, left), detached);
}

/// Waits on a timer that never expires, for a cancel() that never comes.
awaitable<void> leak_timer() {
  asio::steady_timer never(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  co_await never.async_wait(use_awaitable);
}

/// Holds up a thread with a loop that never awaits.
awaitable<void> leak_spin() {
  co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
  while (!stopping) {
  }
}

/// Holds up a thread with a call that blocks.
awaitable<void> leak_block() {
  co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
  stopping.wait(false);
}

struct leak {
  std::string_view name;
  awaitable<void> (*start)();
  std::string_view what;
};

constexpr std::array leaks{
    leak{"send", leak_send, "takes the first of three answers; the others are sent to nobody"},
    leak{"receive", leak_receive, "drops a pool without closing it; its workers wait for jobs"},
    leak{"close", leak_close, "closes a channel over a sender that waits"},
    leak{"cycle", leak_cycle, "two tasks wait for each other's message"},
    leak{"timer", leak_timer, "waits on a timer that never expires"},
    leak{"spin", leak_spin, "holds up a thread in a loop"},
    leak{"block", leak_block, "holds up a thread in a blocking call"},
    leak{"grow", nullptr, "leaks as `receive` does with every connection"},
};

awaitable<void> listener(tcp::acceptor acceptor, std::shared_ptr<pool> work, options chosen) {
  const bool grow = std::find(chosen.leaks.begin(), chosen.leaks.end(), "grow") != chosen.leaks.end();
  for (;;) {
    const asio::any_io_executor strand = asio::make_strand(acceptor.get_executor());
    tcp::socket socket = co_await acceptor.async_accept(strand, use_awaitable);
    co_spawn(strand, session(std::move(socket), work, chosen.idle), detached);
    if (grow) co_spawn(strand, leak_receive(), detached);
  }
}

int usage() {
  std::cerr << "usage: lab [--port N] [--idle SECONDS] [--leak NAME]…\n";
  for (const leak& each : leaks) std::cerr << "  --leak " << each.name << ": " << each.what << '\n';
  return 2;
}

template <class Number>
bool parse(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

int run(const options& chosen) {
  constexpr int threads = 2;
  asio::io_context io(threads);
  const auto work = std::make_shared<pool>(io.get_executor());
  for (int i = 0; i < 4; ++i) co_spawn(io, worker(work), detached);
  co_spawn(io, statistics(work), detached);
  co_spawn(asio::make_strand(io), stop_on_request(io), detached);
  for (const leak& each : leaks) {
    const auto asked = std::count(chosen.leaks.begin(), chosen.leaks.end(), each.name);
    for (auto i = asked; i > 0 && each.start != nullptr; --i) {
      co_spawn(asio::make_strand(io), each.start(), detached);
    }
  }
  tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), chosen.port});
  const auto port = acceptor.local_endpoint().port();
  co_spawn(io, listener(std::move(acceptor), work, chosen), detached);

  std::cout << "port " << port << "\nready" << std::endl;
  std::thread second([&io] { io.run(); });
  io.run();
  second.join();
  return 0;
}

}  // namespace lab

int main(int argc, char** argv) {
  lab::options chosen;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc) return lab::usage();
    const std::string_view name = argv[i];
    const std::string_view value = argv[i + 1];
    std::uint32_t seconds = 0;
    if (name == "--port" && lab::parse(value, chosen.port)) continue;
    if (name == "--idle" && lab::parse(value, seconds)) {
      chosen.idle = std::chrono::seconds(seconds);
      continue;
    }
    const auto known = [value](const lab::leak& each) { return each.name == value; };
    if (name != "--leak" || std::none_of(lab::leaks.begin(), lab::leaks.end(), known)) return lab::usage();
    chosen.leaks.push_back(value);
  }
  try {
    return lab::run(chosen);
  } catch (const std::exception& error) {
    std::cerr << "lab: " << error.what() << '\n';
    return 1;
  }
}
