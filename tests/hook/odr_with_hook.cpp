// One of two sources that instantiate the same Asio templates; this one is compiled with the hook.
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

namespace {
asio::awaitable<void> one() { co_await asio::post(asio::use_awaitable); }
}  // namespace

void run_one(asio::io_context& context) { co_spawn(context, one(), asio::detached); }
