// verdict: proven
/// Three backends are asked and the first answer is taken: nobody is left to receive the other two. Fixed: a buffer
/// for all of them.

#include "program.hpp"

namespace leaks::first_reply {
namespace {

using answers = concurrent_channel<std::string>;

awaitable<void> backend(std::shared_ptr<answers> to, int number) {
  co_await to->async_send(ok, "backend " + std::to_string(number), use_awaitable);
}

awaitable<void> first_reply(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto replies = std::make_shared<answers>(executor, chosen == form::fixed ? 3 : 0);
  for (int i = 1; i <= 3; ++i) co_spawn(executor, backend(replies, i), detached);
  co_await replies->async_receive(use_awaitable);
}

const program self{"leak_first_reply", first_reply, {"channel", "proven", {{2, "backend"}}}};

}  // namespace
}  // namespace leaks::first_reply
