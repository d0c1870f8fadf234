#pragma once

/// Two sources of one program, one compiled without the hook. Each instantiates Asio's templates of its own: a frame of
/// mixed_without_hook.cpp is allocated there, by a coroutine that no other source has.

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/experimental/channel.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <functional>

using mixed_channel = asio::experimental::channel<void(std::error_code, int)>;
using next_frame = std::function<asio::awaitable<void>()>;

/// In the source without the hook: awaits what it is given.
asio::awaitable<void> without_hook(next_frame next);
