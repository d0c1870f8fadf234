/// A sender whose receiver has gone, alone with its channel. When a line comes, the channel's address is put into
/// memory of the agent's (`agent`), or of the program's (`page`). Prints `ready` before, and after it `done`, or `none`
/// where the agent has no memory of its own.

#include <sys/mman.h>

#include <asio.hpp>
#include <asio/experimental/channel.hpp>

#include <array>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>

#include <tasks/detail/writer.hpp>

namespace agent_copies {

using channel = asio::experimental::channel<void(asio::error_code, int)>;

asio::awaitable<void> send(std::shared_ptr<channel> to) {
  co_await to->async_send(asio::error_code(), 1, asio::use_awaitable);
}

/// Its channel, but for all bits.
[[gnu::noinline]] std::uintptr_t start_sender(asio::io_context& io) {
  auto answers = std::make_shared<channel>(io, 0);
  const auto other_bits = ~reinterpret_cast<std::uintptr_t>(answers.get());
  co_spawn(io, send(std::move(answers)), asio::detached);
  io.poll();
  return other_bits;
}

/// What calls that are over have left there.
[[gnu::noinline]] void clear_stack() {
  std::array<char, 65536> area;
  explicit_bzero(area.data(), area.size());
}

/// Where nothing else is; null: there is none.
std::uintptr_t* end_of_agents_memory() {
  auto* const newest = tasks::detail::this_root.agent_memory.load();
  if (newest == nullptr) return nullptr;
  return reinterpret_cast<std::uintptr_t*>(reinterpret_cast<char*>(newest) + newest->size) - 1;
}

std::uintptr_t* own_page() {
  void* const page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return static_cast<std::uintptr_t*>(page);
}

[[gnu::noinline]] void put(std::uintptr_t* at, std::uintptr_t other_bits) { *at = ~other_bits; }

}  // namespace agent_copies

int main(int argc, char** argv) {
  const std::string_view whose = argc == 2 ? argv[1] : "agent";
  asio::io_context io;
  const auto other_bits = agent_copies::start_sender(io);
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    auto* const at = whose == "agent" ? agent_copies::end_of_agents_memory() : agent_copies::own_page();
    if (at != nullptr) agent_copies::put(at, other_bits);
    agent_copies::clear_stack();
    std::cout << (at != nullptr ? "done" : "none") << std::endl;
  }
}
