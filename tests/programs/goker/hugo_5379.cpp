// verdict: proven
/// A page is rendered with its lock held, and rendering a part of it takes the lock again. Fixed: whoever holds it
/// says so.

#include "go.hpp"

namespace goker::hugo_5379 {
namespace {

awaitable<void> count_words(std::shared_ptr<mutex> content, bool locked) {
  if (!locked) co_await content->lock();
  if (!locked) content->unlock();
}

awaitable<void> render(std::shared_ptr<mutex> content, bool part_of_page, form chosen) {
  co_await content->lock();
  if (!part_of_page) {
    if (chosen == form::leaking) co_await content->lock();
    co_await count_words(content, chosen == form::fixed);
  }
  content->unlock();
}

awaitable<void> render_page(form chosen) {
  const auto executor = co_await this_coro::executor;
  co_spawn(executor, render(std::make_shared<mutex>(executor), false, chosen), detached);
}

const program self{"goker_hugo_5379", render_page, {"lock", "proven", {{1, "render"}}}};

}  // namespace
}  // namespace goker::hugo_5379
