// A shared library with hidden visibility, which links tasks::asio and has an agent of its own.
#include "host_plugin.hpp"

#include <asio.hpp>
#include <asio/experimental/channel.hpp>
#include <memory>
#include <thread>

#include "tasks/agent.hpp"

namespace {

struct plugin {
  tasks::agent agent;
  asio::io_context context;
  asio::experimental::channel<void(asio::error_code, int)> channel{context, 0};
  std::thread thread;
};

plugin* running = nullptr;

asio::awaitable<void> PLUGIN_WORKER() {
  for (;;) co_await running->channel.async_receive(asio::use_awaitable);
}

void start(int tasks) {
  running = new plugin;
  for (int i = 0; i < tasks; ++i) asio::co_spawn(running->context, PLUGIN_WORKER(), asio::detached);
  running->context.poll();  // every worker waits from here on
  running->thread = std::thread([] {
    const auto work = asio::make_work_guard(running->context);
    running->context.run();
  });
}

void stop() {
  running->context.stop();
  running->thread.join();
  delete running;
}

}  // namespace

extern "C" [[gnu::visibility("default")]] const plugin_calls plugin = {start, stop};
