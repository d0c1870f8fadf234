// `scale_target N [probe]`: N tasks of three frames, blocked on one channel, of which the one in the middle has a name
// and a label, "one" and "which=one"; with `probe`, a thread that notices when it is kept from running. Prints `ready`;
// for each line on its standard input, "RSS_KIB LONGEST_GAP_US" since the line before; ends at its end.

#include <unistd.h>
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/experimental/channel.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>

#if !defined(TASKS_BENCH_PLAIN)
#  include <tasks/this_task.hpp>
#endif

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>

namespace {

using channel = asio::experimental::channel<void(std::error_code, int)>;

asio::awaitable<void> inner(channel& c) { co_await c.async_receive(asio::use_awaitable); }
asio::awaitable<void> middle(channel& c) { co_await inner(c); }
asio::awaitable<void> worker(channel& c, [[maybe_unused]] bool is_named) {
#if !defined(TASKS_BENCH_PLAIN)
  if (is_named) {
    tasks::this_task::set_name("one");
    tasks::this_task::set_label("which", "one");
  }
#endif
  co_await middle(c);
}

long rss_kib() {
  std::ifstream statm("/proc/self/statm");
  long pages = 0;
  statm >> pages >> pages;
  return pages * sysconf(_SC_PAGESIZE) / 1024;
}

}  // namespace

int main(int argc, char** argv) {
  const int tasks = argc > 1 ? static_cast<int>(std::strtol(argv[1], nullptr, 10)) : 1'000'000;
  asio::io_context context(1);
  channel c(context, 0);
  for (int i = 0; i < tasks; ++i) {
    co_spawn(context, worker(c, i == tasks / 2), asio::detached);
    if (i % 1024 == 0) context.poll();
  }
  context.poll();
  std::atomic<long> longest = 0;
  std::jthread probe([&](const std::stop_token& stop) {
    auto last = std::chrono::steady_clock::now();
    while (argc > 2 && !stop.stop_requested()) {
      const auto now = std::chrono::steady_clock::now();
      const long gap = (now - last) / std::chrono::microseconds(1);
      last = now;
      if (gap > longest) longest = gap;
      usleep(200);
    }
  });
  std::puts("ready");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    std::printf("%ld %ld\n", rss_kib(), longest.exchange(0));
    std::fflush(stdout);
  }
  probe.request_stop();
  probe.join();
  std::_Exit(0);  // a million frames need no unwinding
}
