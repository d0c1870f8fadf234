/// A program that looks up names, which never are found: its getaddrinfo() is its own and waits for ever, unless the
/// name is "here". In the way that its argument says:
///
///   queue     a task's lookup is being done, and behind it wait two other tasks' and one of an address
///   shared    likewise, and all of one resolver
///   group     likewise, each in a parallel_group with a timer
///   callback  a callback's lookup is being done, and behind it waits a task's
///   worker    a task looks up by itself, and keeps its worker
///   idle      a lookup is done, and nobody looks up
///
/// Prints `ready` once that is so, and ends when its standard input closes.

#include <netdb.h>
#ifdef LAB_USE_BOOST
#  include <boost/asio.hpp>
#  include <boost/asio/experimental/deferred.hpp>
#  include <boost/asio/experimental/parallel_group.hpp>
namespace asio = boost::asio;
using error_code = boost::system::error_code;
#else
#  include <asio.hpp>
#  include <asio/experimental/deferred.hpp>
#  include <asio/experimental/parallel_group.hpp>
using error_code = asio::error_code;
#endif

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace lookups {

using asio::awaitable;
using asio::co_spawn;
using asio::detached;
using asio::use_awaitable;
using asio::ip::tcp;
using namespace std::chrono_literals;

std::atomic<bool> begun{false};

void set_begun() {
  begun = true;
  begun.notify_all();
}

}  // namespace lookups

/// In place of the C library's.
extern "C" int getaddrinfo(const char* node, const char*, const addrinfo*, addrinfo**) {
  if (node != nullptr && std::strcmp(node, "here") == 0) return EAI_NONAME;
  lookups::set_begun();
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

namespace lookups {

awaitable<void> look_up(std::string host, std::string service) {
  tcp::resolver resolver(co_await asio::this_coro::executor);
  co_await resolver.async_resolve(host, service, use_awaitable);
}

awaitable<void> look_up_address(tcp::endpoint address) {
  tcp::resolver resolver(co_await asio::this_coro::executor);
  co_await resolver.async_resolve(address, use_awaitable);
}

awaitable<void> look_up_with(tcp::resolver& resolver, std::string host, std::string service) {
  co_await resolver.async_resolve(host, service, use_awaitable);
}

awaitable<void> look_up_or_give_up(std::string host, std::string service) {
  namespace ex = asio::experimental;
  const auto executor = co_await asio::this_coro::executor;
  tcp::resolver resolver(executor);
  asio::steady_timer timer(executor, 1h);
  co_await ex::make_parallel_group(resolver.async_resolve(host, service, ex::deferred), timer.async_wait(ex::deferred))
      .async_wait(ex::wait_for_all(), use_awaitable);
}

/// Keeps the thread that runs it.
awaitable<void> look_up_at_once(std::string host) {
  tcp::resolver resolver(co_await asio::this_coro::executor);
  resolver.resolve(host, "5432");
}

awaitable<void> look_up_here() {
  tcp::resolver resolver(co_await asio::this_coro::executor);
  try {
    co_await resolver.async_resolve("here", "80", use_awaitable);
  } catch (const std::exception&) {
    set_begun();
  }
  asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
  co_await timer.async_wait(use_awaitable);
}

/// False: there is no such way.
bool begin(std::string_view how, asio::io_context& context, tcp::resolver& shared) {
  // The last name is so long that a string has it elsewhere.
  const std::string first = "db.internal", last = "a-rather-long-name-of-a-cache.internal";
  if (how == "queue") {
    co_spawn(context, look_up(first, "5432"), detached);
    co_spawn(context, look_up("", "http"), detached);
    co_spawn(context, look_up_address({asio::ip::make_address("192.0.2.7"), 443}), detached);
    co_spawn(context, look_up(last, "6379"), detached);
  } else if (how == "shared") {
    co_spawn(context, look_up_with(shared, first, "5432"), detached);
    co_spawn(context, look_up_with(shared, last, "6379"), detached);
  } else if (how == "group") {
    co_spawn(context, look_up_or_give_up(first, "5432"), detached);
    co_spawn(context, look_up_or_give_up(last, "6379"), detached);
  } else if (how == "callback") {
    shared.async_resolve(first, "5432", [](const error_code&, const tcp::resolver::results_type&) {});
    co_spawn(context, look_up(last, "6379"), detached);
  } else if (how == "worker") {
    co_spawn(context, look_up_at_once(first), detached);
  } else if (how == "idle") {
    co_spawn(context, look_up_here(), detached);
  } else {
    return false;
  }
  return true;
}

int run(std::string_view how) {
  // Its destructor would wait for lookups.
  auto& context = *new asio::io_context;
  const auto work = asio::make_work_guard(context);
  auto& shared = *new tcp::resolver(context);
  if (!begin(how, context, shared)) return 1;
  std::atomic<bool> all_wait{how == "worker"};
  asio::post(context, [&] {
    all_wait = true;
    all_wait.notify_all();
  });
  std::thread([&] { context.run(); }).detach();
  begun.wait(false);
  all_wait.wait(false);
  std::cout << "ready" << std::endl;
  while (std::cin.get() != std::char_traits<char>::eof()) continue;
  std::_Exit(0);
}

}  // namespace lookups

int main(int argc, char** argv) { return lookups::run(argc == 2 ? argv[1] : ""); }
