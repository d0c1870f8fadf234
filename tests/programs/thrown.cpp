// What an exception knows of where it was thrown, written to standard output: `thrown WAY`.

#include <exception>
#include <iostream>
#include <memory>
#include <new>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

#if defined(THROWN_USES_BOOST)
#  include <boost/asio.hpp>
namespace net = boost::asio;
#else
#  include <asio.hpp>
namespace net = asio;
#endif

#include "tasks/exceptions.hpp"

void throw_untyped();

namespace {

using net::awaitable;
using net::use_awaitable;
using net::ip::tcp;

void tell(std::string_view what, const tasks::async_stacktrace& stack) {
  std::cout << what << ": " << stack << "end" << std::endl;
}

void decode() { throw std::runtime_error("bad frame length"); }
awaitable<void> reads_frame() {
  co_await net::post(use_awaitable);
  decode();
}
awaitable<void> session() { co_await reads_frame(); }

awaitable<void> reads(tcp::socket& socket) {
  char byte = 0;
  co_await async_read(socket, net::buffer(&byte, 1), use_awaitable);
}
awaitable<void> talks(tcp::socket& socket) { co_await reads(socket); }

awaitable<void> catches(tcp::socket& socket) {
  try {
    co_await talks(socket);
  } catch (const std::exception& e) {
    tell("by reference", tasks::stack_of(e));
    tell("current", tasks::stack_of(std::current_exception()));
  }
}

awaitable<void> throws_untyped() {
  co_await net::post(use_awaitable);
  throw_untyped();
}
awaitable<void> catches_untyped() {
  try {
    co_await throws_untyped();
  } catch (const std::exception& e) {
    tell(e.what(), tasks::stack_of(e));
  }
}

awaitable<void> awaits_a_task() {
  try {
    co_await co_spawn(co_await net::this_coro::executor, session(), use_awaitable);
  } catch (...) {
    tell("of a task", tasks::stack_of(std::current_exception()));
  }
}

/// Thrown again in another frame, and from there within another.
awaitable<void> throws_again() {
  try {
    co_await session();
  } catch (...) {
    throw;
  }
}
awaitable<void> nests() {
  try {
    co_await throws_again();
  } catch (const std::exception&) {
    std::throw_with_nested(std::logic_error("request failed"));
  }
}
awaitable<void> catches_nested() {
  try {
    co_await nests();
  } catch (const std::exception& e) {
    tell("outer", tasks::stack_of(e));
    tell("inner", tasks::stack_of(dynamic_cast<const std::nested_exception&>(e).nested_ptr()));
  }
}

struct counted {
  static inline int alive = 0;
  counted() { ++alive; }
  counted(const counted&) { ++alive; }
  counted& operator=(const counted&) = default;
  ~counted() { --alive; }
};
/// More than there is room for, one after the other, and of each kind of destructor.
awaitable<void> throws_often() {
  co_await net::post(use_awaitable);
  int with_stack = 0;
  for (int i = 0; i < 5000; ++i) {
    try {
      i % 2 == 0 ? throw counted() : throw i;
    } catch (...) {
      with_stack += tasks::stack_of(std::current_exception()).empty() ? 0 : 1;
    }
  }
  std::cout << "with a stack: " << with_stack << ", alive: " << counted::alive << std::endl;
}
/// And at the same time.
template <class Thrown>
void keep_many(std::string_view what) {
  std::vector<std::exception_ptr> kept;
  int with_stack = 0;
  for (int i = 0; i < 3000; ++i) {
    try {
      throw Thrown();
    } catch (...) {
      kept.push_back(std::current_exception());
    }
  }
  for (const auto& each : kept) with_stack += tasks::stack_of(each).empty() ? 0 : 1;
  std::cout << what << (with_stack > 500 && with_stack <= 1024 ? ": some" : ": not as expected")
            << ", alive: " << counted::alive << std::endl;
}
struct larger : counted {
  char more[400] = {};
};
awaitable<void> keeps_all() {
  co_await net::post(use_awaitable);
  keep_many<counted>("first");
  keep_many<larger>("of other addresses");
  std::cout << "alive: " << counted::alive << std::endl;
}
/// One exception, which several threads throw again at once, copy and drop.
awaitable<void> shares() {
  std::exception_ptr shared;
  try {
    co_await session();
  } catch (...) {
    shared = std::current_exception();
  }
  std::vector<std::thread> threads;
  std::atomic<int> same = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&same, mine = shared] {
      for (int k = 0; k < 500; ++k) {
        try {
          std::rethrow_exception(mine);
        } catch (const std::exception& e) {
          same += tasks::stack_of(e).size() > 1 ? 1 : 0;
        }
      }
    });
  for (auto& each : threads) each.join();
  std::cout << "the same: " << same << std::endl;
}
awaitable<void> throws_outside() {
  co_await net::post(use_awaitable);
  const auto made = std::make_exception_ptr(std::runtime_error("made, never thrown"));
  tell("never thrown", tasks::stack_of(made));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view way = argc > 1 ? argv[1] : "";
  net::io_context context;
  tcp::socket near(context), far(context);
  if (way == "asio") {
    tcp::acceptor acceptor(context, {net::ip::address_v4::loopback(), 0});
    near.connect(acceptor.local_endpoint());
    acceptor.accept(far);
    far.set_option(net::socket_base::linger(true, 0));  // reset rather than end of file
    far.close();
    co_spawn(context, catches(near), net::detached);
  }
  if (way == "untyped") co_spawn(context, catches_untyped(), net::detached);
  if (way == "task") co_spawn(context, awaits_a_task(), net::detached);
  if (way == "nested") co_spawn(context, catches_nested(), net::detached);
  if (way == "often") co_spawn(context, throws_often(), net::detached);
  if (way == "kept") co_spawn(context, keeps_all(), net::detached);
  if (way == "shared") co_spawn(context, shares(), net::detached);
  if (way == "made") co_spawn(context, throws_outside(), net::detached);
  if (way == "handler")
    co_spawn(context, session(), [](std::exception_ptr e) { tell("in the handler", tasks::stack_of(e)); });  // NOLINT
  if (way == "outside") {
    try {
      throw std::runtime_error("outside");
    } catch (const std::exception& e) {
      tell("outside", tasks::stack_of(e));
      tell("here", tasks::this_task::stack());
    }
  }
  context.run();
}
