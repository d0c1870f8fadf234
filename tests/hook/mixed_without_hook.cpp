#include "mixed.hpp"

asio::awaitable<void> without_hook(next_frame next) { co_await next(); }
