// What a task's stack costs, of a chain of five: `stack_bench OPERATION N`. As tests/bench/run does, instructions are
// the difference of two N under callgrind.
//
//   stack    tasks::this_task::stack()
//   text     the same, and to_string() of it
//   throw    an exception is thrown and caught in the innermost frame; TASKS_EXCEPTIONS=1 has its stack taken
//   none     the loop alone

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tasks/this_task.hpp"

namespace {

using asio::awaitable;

std::string_view operation;
int times = 0;
double nanoseconds = 0;
std::size_t sum = 0;  // so that nothing is optimized away

[[gnu::noinline]] void fail() { throw std::runtime_error("bad frame length"); }

awaitable<void> innermost() {
  co_await asio::post(asio::use_awaitable);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < times; ++i) {
    if (operation == "stack") sum += tasks::this_task::stack().size();
    if (operation == "text") sum += to_string(tasks::this_task::stack()).size();
    if (operation == "throw") {
      try {
        fail();
      } catch (const std::exception&) {
        ++sum;
      }
    }
  }
  nanoseconds = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count();
}

awaitable<void> down(int levels) {
  if (levels == 0)
    co_await innermost();
  else
    co_await down(levels - 1);
}

}  // namespace

int main(int argc, char** argv) {
  operation = argc > 1 ? argv[1] : "";
  times = argc > 2 ? std::atoi(argv[2]) : 0;
  asio::io_context context;
  co_spawn(context, down(3), asio::detached);
  context.run();
  std::printf("%.1f\n", nanoseconds / times);
  return sum == 42 ? 1 : 0;
}
