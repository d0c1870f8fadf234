// verdict: proven
/// A cache's watcher first sends what is in the cache, and whoever asked for it has left. Fixed: a buffer for all
/// of it.

#include "go.hpp"

namespace goker::kubernetes_38669 {
namespace {

using results = concurrent_channel<int>;

awaitable<void> process(std::shared_ptr<results> to, std::vector<int> cached) {
  for (const int each : cached) co_await to->async_send(ok, each, use_awaitable);
}

awaitable<void> watch_cache(form chosen) {
  const auto executor = co_await this_coro::executor;
  const std::vector<int> cached{1, 2};
  const auto watcher = std::make_shared<results>(executor, chosen == form::fixed ? cached.size() : 0);
  co_spawn(executor, process(watcher, cached), detached);
}

const program self{"goker_kubernetes_38669", watch_cache, {"channel", "proven", {{1, "process"}}}};

}  // namespace
}  // namespace goker::kubernetes_38669
