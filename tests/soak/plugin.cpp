// A shared library with hidden visibility and coroutines, which is loaded and unloaded all the time.
#include "plugin.hpp"

#include <pthread.h>

#include <asio.hpp>
#include <asio/experimental/channel.hpp>
#include <optional>
#include <thread>

#include "tasks/agent.hpp"

namespace plugin {
namespace {

struct state {
  std::optional<tasks::agent> agent;
  asio::io_context context;
  asio::experimental::channel<void(asio::error_code, int)> channel{context, 0};
  std::thread thread;
};

state* running = nullptr;

asio::awaitable<void> waits() { co_await running->channel.async_receive(asio::use_awaitable); }

void start(int tasks, bool has_agent) {
  running = new state;
  if (has_agent) running->agent.emplace();
  for (int i = 0; i < tasks; ++i) asio::co_spawn(running->context, waits(), asio::detached);
  running->context.poll();  // each of them waits from here on
  running->thread = std::thread([] {
    ::pthread_setname_np(::pthread_self(), "plugin");
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
}  // namespace plugin

extern "C" [[gnu::visibility("default")]] const soak::plugin_calls plugin_calls = {plugin::start, plugin::stop};
