// The other one, compiled without: a program of both breaches the one-definition rule.
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

namespace {
asio::awaitable<void> two() { co_await asio::post(asio::use_awaitable); }
}  // namespace

void run_one(asio::io_context& context);

int main() {
  asio::io_context context;
  run_one(context);
  co_spawn(context, two(), asio::detached);
  context.run();
}
