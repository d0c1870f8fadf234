// The example of README.md, "In your tests".

#include <tasks/gtest.hpp>

#include <asio.hpp>
#include <asio/experimental/channel.hpp>

namespace {

using asio::awaitable;
using asio::use_awaitable;
using channel = asio::experimental::channel<void(std::error_code, int)>;

awaitable<void> worker(channel& jobs) {
  for (;;) co_await jobs.async_receive(use_awaitable);
}

class PoolTest : public tasks::gtest::leak_free_test {
 protected:
  PoolTest() { leaks().poll = tasks::polling(context); }

  asio::io_context context;
  channel jobs{context, 0};
};

TEST_F(PoolTest, WorkersStopWhenTheJobsDo) {
  for (int i = 0; i < 2; ++i) co_spawn(context, worker(jobs), asio::detached);
  context.poll();
  jobs.close();
}

}  // namespace
