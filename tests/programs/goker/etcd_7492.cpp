// verdict: proven
/// Tokens are handed to their keeper with a lock held; the keeper stops taking them while it waits for that lock,
/// to delete old ones. Fixed: it takes what there is first.

#include "go.hpp"

namespace goker::etcd_7492 {
namespace {

struct token_store {
  explicit token_store(const any_io_executor& executor) : lock(executor), added(executor, 1) {}
  mutex lock;
  concurrent_channel<int> added;
};

awaitable<void> assign(std::shared_ptr<token_store> in, int token) {
  co_await in->lock.lock();
  co_await in->added.async_send(ok, token, use_awaitable);
  in->lock.unlock();
}

awaitable<void> keep_tokens(std::shared_ptr<token_store> in, form chosen) {
  // The clock ticks when the first token is in the buffer.
  co_await yield(co_await this_coro::executor);
  if (chosen == form::leaking) co_await in->lock.lock();
  for (int i = 0; i < 3; ++i) co_await in->added.async_receive(use_awaitable);
  if (chosen == form::fixed) co_await in->lock.lock();
  in->lock.unlock();
}

awaitable<void> assign_tokens(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto in = std::make_shared<token_store>(executor);
  for (int token = 0; token < 3; ++token) co_spawn(executor, assign(in, token), detached);
  co_spawn(executor, keep_tokens(in, chosen), detached);
}

const program self{
    "goker_etcd_7492", assign_tokens, {"channel and lock", "proven", {{2, "assign"}, {1, "keep_tokens"}}}};

}  // namespace
}  // namespace goker::etcd_7492
