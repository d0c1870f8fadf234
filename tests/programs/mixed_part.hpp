#pragma once

#include <asio/awaitable.hpp>
#include <functional>

namespace legacy {

/// Awaits what it is given. It shares no template with other sources, so that the one-definition rule is kept.
asio::awaitable<void> relays(std::function<asio::awaitable<void>()> to);

}  // namespace legacy
