// Threads that compute for ever, each within a task; prints for each line that it reads how many rounds they have done
// together. `tests/bench/run` compares what they do while they are profiled and while they are not.

#include <asio.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t most_threads = 256;

struct alignas(128) counter {
  std::atomic<std::uint64_t> rounds{0};
};
std::array<counter, most_threads> counters;

[[gnu::noinline]] std::uint64_t compute(std::uint64_t value) {
  for (int i = 0; i < 1000; ++i) value = value * 6364136223846793005U + 1442695040888963407U;
  return value;
}

asio::awaitable<void> inner(std::size_t number) {
  for (std::uint64_t value = number;;) {
    value = compute(value);
    // So that it is not known that nobody needs the value.
    counters[number].rounds.fetch_add(1 + (value == 7), std::memory_order_relaxed);
  }
  co_return;
}

asio::awaitable<void> outer(std::size_t number) { co_await inner(number); }

}  // namespace

int main(int argc, char** argv) {
  const auto threads = argc == 2 ? std::min<std::size_t>(std::strtoul(argv[1], nullptr, 10), most_threads) : 16;
  asio::io_context context(static_cast<int>(threads));
  for (std::size_t i = 0; i < threads; ++i) asio::co_spawn(context, outer(i), asio::detached);
  std::vector<std::thread> workers;
  for (std::size_t i = 0; i < threads; ++i) workers.emplace_back([&context] { context.run(); });
  for (std::string line; std::getline(std::cin, line);) {
    std::uint64_t all = 0;
    for (const auto& each : counters) all += each.rounds;
    std::cout << all << std::endl;
  }
  std::_Exit(EXIT_SUCCESS);
}
