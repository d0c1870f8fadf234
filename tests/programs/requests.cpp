// Tasks that say for which request and which user they work: a request whose task awaits another one, and has a third
// one fetch something that never comes; one that pauses; one that computes; a connection between two requests; and a
// task that works for nobody.

#include <asio.hpp>
#include <asio/experimental/channel.hpp>
#include <atomic>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <tasks/this_task.hpp>
#include <thread>

namespace {

using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;
using channel = asio::experimental::channel<void(std::error_code, int)>;
using timer = asio::steady_timer;
using namespace std::chrono_literals;
using tasks::this_task::inherit;
using tasks::this_task::label_scope;

std::atomic<bool> stops = false, computes_now = false;

awaitable<void> fetch() {
  auto reply = std::make_shared<channel>(co_await asio::this_coro::executor, 0);
  co_await reply->async_receive(use_awaitable);
}

awaitable<void> query(tcp::socket& database) {
  co_spawn(database.get_executor(), fetch(), asio::detached);
  char bytes[64];
  co_await database.async_read_some(asio::buffer(bytes), use_awaitable);
}

awaitable<void> serves(tcp::socket& database) {
  tasks::this_task::set_name("conn 1");
  tasks::this_task::set_label("user", "ann");
  tasks::this_task::set_label("peer", "::1", inherit::no);
  const label_scope request("request", "7c1f");
  co_await co_spawn(database.get_executor(), query(database), use_awaitable);
}

awaitable<void> pauses() {
  tasks::this_task::set_label("user", "bob");
  const label_scope request("request", "9a2e");
  timer until(co_await asio::this_coro::executor, 1h);
  co_await until.async_wait(use_awaitable);
}

awaitable<void> computes() {
  const label_scope request("request", "5b0d");
  computes_now = true;
  computes_now.notify_one();
  while (!stops) std::this_thread::sleep_for(1ms);
  co_return;
}

awaitable<void> waits() {
  timer until(co_await asio::this_coro::executor, 1h);
  co_await until.async_wait(use_awaitable);
}

awaitable<void> between_two() {
  tasks::this_task::set_label("user", "ann");
  {
    const label_scope request("request", "0000");
    co_await asio::post(use_awaitable);
  }
  co_await waits();
}

}  // namespace

int main() {
  asio::io_context context, other;
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
  tcp::socket client(context), server(context);
  client.connect(acceptor.local_endpoint());
  acceptor.accept(server);
  co_spawn(context, serves(client), asio::detached);
  co_spawn(context, pauses(), asio::detached);
  co_spawn(context, between_two(), asio::detached);
  co_spawn(context, waits(), asio::detached);
  co_spawn(other, computes(), asio::detached);
  context.poll();
  std::thread runs([&] { context.run(); }), works([&] { other.run(); });
  computes_now.wait(false);
  std::cout << "ready" << std::endl;
  while (std::cin.get() != EOF) {
  }
  stops = true;
  context.stop();
  works.join();
  runs.join();
}
