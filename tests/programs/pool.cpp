// A connection pool with an operation of its own: handlers queue up in it while all connections are out.
//
//   pool held     two sessions have the connections and wait for a silent peer; three wait for one
//   pool leaked   the pool is gone, and one handler left that only it itself leads to
//   pool piped    one handler whose address is nowhere but in a pipe

#include <unistd.h>
#include <asio/associated_executor.hpp>

#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/read.hpp>
#include <asio/use_awaitable.hpp>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

namespace {

using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;

struct connection {
  tcp::socket socket;
};

class pool {
 public:
  template <class Token>
  auto async_acquire(Token&& token) {
    return asio::async_initiate<Token, void(std::shared_ptr<connection>)>(
        [this](auto handler) {
          auto kept = std::make_shared<decltype(handler)>(std::move(handler));
          auto deliver = [kept](std::shared_ptr<connection> c) {
            asio::post(asio::get_associated_executor(*kept), [kept, c]() mutable { (*kept)(std::move(c)); });
          };
          if (idle.empty()) {
            queue.emplace_back(std::move(deliver));
          } else {
            deliver(idle.front());
            idle.pop_front();
          }
        },
        token);
  }

  std::deque<std::shared_ptr<connection>> idle;

 private:
  std::deque<std::function<void(std::shared_ptr<connection>)>> queue;
};

awaitable<std::shared_ptr<connection>> acquire(pool& from) { co_return co_await from.async_acquire(use_awaitable); }

awaitable<void> session(std::shared_ptr<pool> connections) {
  const auto c = co_await acquire(*connections);
  char answer[16];
  co_await asio::async_read(c->socket, asio::buffer(answer), use_awaitable);
}

/// The handler and what calls it have each other.
struct owner_of_itself {
  std::function<void()> call;
};

template <class Token>
auto async_forget(Token&& token) {
  return asio::async_initiate<Token, void()>(
      [](auto handler) {
        auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        auto owner = std::make_shared<owner_of_itself>();
        owner->call = [kept, owner] { (*kept)(); };
      },
      token);
}

int pipe_ends[2];

/// As to a thread of a library's that has not read it yet.
template <class Token>
auto async_send_away(Token&& token) {
  return asio::async_initiate<Token, void()>(
      [](auto handler) {
        auto* kept = new auto(std::move(handler));
        static_cast<void>(!::write(pipe_ends[1], &kept, sizeof(void*)));
      },
      token);
}

awaitable<void> sent_away() { co_await async_send_away(use_awaitable); }

awaitable<void> forgotten() { co_await async_forget(use_awaitable); }

}  // namespace

int main(int argc, char** argv) {
  const bool leaks = argc > 1 && argv[1] == std::string_view("leaked");
  asio::io_context context(1);
  tcp::acceptor silent(context, {asio::ip::address_v4::loopback(), 0});
  if (leaks) {
    co_spawn(context, forgotten(), asio::detached);
  } else if (argc > 1 && argv[1] == std::string_view("piped")) {
    if (::pipe(pipe_ends) != 0) return 1;
    co_spawn(context, sent_away(), asio::detached);
  } else {
    const auto connections = std::make_shared<pool>();
    for (int i = 0; i < 2; ++i) {
      tcp::socket socket(context);
      socket.connect(silent.local_endpoint());
      connections->idle.push_back(std::make_shared<connection>(std::move(socket)));
    }
    for (int i = 0; i < 5; ++i) co_spawn(context, session(connections), asio::detached);
  }
  context.poll();
  std::puts("ready");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  std::_Exit(0);
}
