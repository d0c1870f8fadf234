/// Coroutines, and a heap, whose memory is known:
///
///   3 × small        wait on a channel of main()'s
///   2 × large        likewise, with 8,000 bytes in their frames
///   1 × owner        likewise, with a buffer that it owns
///   1 × borrower     likewise, with one that main() has too
///   2 × forgotten    each waits on a channel of its own, which nobody else knows, and which has a buffer
///   left, right      likewise, with a buffer that they share
///
/// and a large hole in the main arena, one in that of a thread, and an allocation with a mapping of its own. Prints how
/// large the buffers' chunks are, where the holes are and what malloc_info(3) says of each arena, then `ready`, after
/// which nothing is allocated. Ends when its standard input closes.

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <asio.hpp>
#include <asio/experimental/channel.hpp>

#include <array>
#include <barrier>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace memory {

using asio::awaitable;
using asio::use_awaitable;
using chan = asio::experimental::channel<void(asio::error_code, int)>;
using buffer = std::unique_ptr<char[]>;

struct hub {
  explicit hub(asio::io_context& context, std::size_t size) : news(context), bytes(new char[size]()) {}
  chan news;
  buffer bytes;
};

awaitable<void> small(chan& from) { co_await from.async_receive(use_awaitable); }

awaitable<void> large(chan& from) {
  std::array<char, 8000> kept{};
  kept[0] = static_cast<char>(co_await from.async_receive(use_awaitable));
  std::fwrite(kept.data(), 1, kept.size(), stderr);
}

awaitable<void> owner(chan& from, buffer mine) {
  mine[0] = static_cast<char>(co_await from.async_receive(use_awaitable));
}

awaitable<void> borrower(chan& from, const char* others) {
  co_await from.async_receive(use_awaitable);
  std::fputc(others[0], stderr);
}

awaitable<void> forgotten(std::shared_ptr<hub> mine) { co_await mine->news.async_receive(use_awaitable); }

awaitable<void> left(std::shared_ptr<chan> mine, std::shared_ptr<hub> shared) {
  co_await mine->async_receive(use_awaitable);
  shared->bytes[0] = 'l';
}

awaitable<void> right(std::shared_ptr<chan> mine, std::shared_ptr<hub> shared) {
  co_await mine->async_receive(use_awaitable);
  shared->bytes[0] = 'r';
}

/// Of the chunk, with its header.
std::size_t chunk_size(const void* allocated) {
  return malloc_usable_size(const_cast<void*>(allocated)) + sizeof(std::size_t);
}

/// In a function of its own, and overwritten after it: what a stack has left behind may still hold something.
[[gnu::noinline]] void spawn_forgotten(asio::io_context& context) {
  for (int i = 0; i < 2; ++i) {
    auto made = std::make_shared<hub>(context, 100'000);
    if (i == 0) std::printf("forgotten %zu\n", chunk_size(made->bytes.get()));
    co_spawn(context, forgotten(std::move(made)), asio::detached);
  }
  auto shared = std::make_shared<hub>(context, 70'000);
  std::printf("shared %zu\n", chunk_size(shared->bytes.get()));
  co_spawn(context, left(std::make_shared<chan>(context), shared), asio::detached);
  co_spawn(context, right(std::make_shared<chan>(context), std::move(shared)), asio::detached);
}

/// Five neighbours are given back, between two that stay. Returns the first of these.
std::uintptr_t make_hole(std::size_t size, std::array<void*, 2>& around) {
  std::array<void*, 5> between{};
  around[0] = std::malloc(size);
  for (auto& each : between) each = std::malloc(size);
  around[1] = std::malloc(size);
  const auto first = reinterpret_cast<std::uintptr_t>(between[0]);
  for (auto* each : between) std::free(each);
  return first;
}

std::array<char, 1 << 16> said, stream_buffer, output_buffer;

std::uint64_t number_behind(const char* text, const char* what) {
  const char* at = std::strstr(text, what);
  return at == nullptr ? 0 : std::strtoull(at + std::strlen(what), nullptr, 10);
}

/// "heap0 SYSTEM COUNT REST COUNT FAST": what it has of the kernel, its free chunks, those of its fast bins.
void print_arenas(const char* at) {
  for (int number = 0; (at = std::strstr(at, "<heap nr=")) != nullptr; ++number) {
    ++at;
    const char* fast = std::strstr(at, "<total type=\"fast\"");
    const char* rest = std::strstr(at, "<total type=\"rest\"");
    const char* system = std::strstr(at, "<system type=\"current\"");
    if (fast == nullptr || rest == nullptr || system == nullptr) return;
    std::printf("heap%d %llu %llu %llu %llu %llu\n", number,
                static_cast<unsigned long long>(number_behind(system, "size=\"")),
                static_cast<unsigned long long>(number_behind(rest, "count=\"")),
                static_cast<unsigned long long>(number_behind(rest, "size=\"")),
                static_cast<unsigned long long>(number_behind(fast, "count=\"")),
                static_cast<unsigned long long>(number_behind(fast, "size=\"")));
  }
}

}  // namespace memory

int main() {
  using namespace memory;
  std::setvbuf(stdout, output_buffer.data(), _IOLBF, output_buffer.size());
  auto* stream = fmemopen(said.data(), said.size() - 1, "w");
  if (stream == nullptr) return 1;
  std::setvbuf(stream, stream_buffer.data(), _IOFBF, stream_buffer.size());

  asio::io_context context(1);
  chan news(context);
  for (int i = 0; i < 3; ++i) co_spawn(context, small(news), asio::detached);
  for (int i = 0; i < 2; ++i) co_spawn(context, large(news), asio::detached);
  buffer owned(new char[60'000]()), lent(new char[50'000]());
  std::printf("owned %zu\n", chunk_size(owned.get()));
  co_spawn(context, owner(news, std::move(owned)), asio::detached);
  co_spawn(context, borrower(news, lent.get()), asio::detached);
  spawn_forgotten(context);
  context.poll();

  std::barrier done(2);
  std::jthread other([&] {
    std::array<void*, 2> around{};
    std::printf("other_hole %#llx\n", static_cast<unsigned long long>(make_hole(10'000, around)));
    done.arrive_and_wait();
    done.arrive_and_wait();
    for (auto* each : around) std::free(each);
  });
  done.arrive_and_wait();
  // Too large for any gap, and between others, so that the kernel makes it one mapping with none of its neighbours.
  constexpr std::size_t large_size = 192 << 20, guard_size = 256 << 20;
  const auto guard = [] {
    return mmap(nullptr, guard_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED;
  };
  const bool is_guarded = guard();
  void* mapped = std::malloc(large_size);
  if (!is_guarded || !guard() || mapped == nullptr) return 1;
  std::memset(mapped, 1, 3 << 20);
  std::printf("mapped %zu\n", (malloc_usable_size(mapped) + 2 * sizeof(std::size_t)));
  std::array<void*, 2> around{};
  std::printf("hole %#llx\n", static_cast<unsigned long long>(make_hole(100'000, around)));
  malloc_info(0, stream);
  std::fflush(stream);
  print_arenas(said.data());
  std::puts("ready");
  std::fflush(stdout);
  for (char c; read(STDIN_FILENO, &c, 1) > 0;) {
  }
  std::_Exit(lent[0]);  // whoever forgets frames destroys none
}
