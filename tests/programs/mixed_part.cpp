#include "mixed_part.hpp"

namespace legacy {

asio::awaitable<void> relays(std::function<asio::awaitable<void>()> to) { co_await to(); }

}  // namespace legacy
