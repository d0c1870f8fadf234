/// A program whose registry says what chance wants. It has tasks of every kind, with deep stacks, names, labels, groups
/// of operations and failures, none of which runs. For each number that it reads from its standard input it brings the
/// registry back to what it was, overwrites some of its words as a generator with that seed chooses, and prints
/// `forged`. Prints `ready` before, and ends when its standard input closes. With `contents` it leaves alone what an
/// agent finds its own memory by: the root, and tables of what was mapped.
///
///   root, registry, slots, slabs, calls, failures ──> words: pointers to any of these, to others' memory, to nothing;
///                                                     counts that are too large; links in circles; text for terminals

#include <unistd.h>
#include <asio.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/experimental/channel.hpp>
#include <asio/experimental/parallel_group.hpp>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <tasks/detail/writer.hpp>
#include <tasks/this_task.hpp>

namespace forged_words {

using asio::awaitable;
using asio::co_spawn;
using asio::detached;
using asio::use_awaitable;
using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;
namespace layout = tasks::layout;

using channel = asio::experimental::channel<void(std::error_code, int)>;

awaitable<void> receive(channel& from, int deeper) {
  if (deeper > 0)
    co_await receive(from, deeper - 1);
  else
    co_await from.async_receive(use_awaitable);
}

awaitable<void> pause() {
  asio::steady_timer timer(co_await asio::this_coro::executor, 24h);
  co_await timer.async_wait(use_awaitable);
}

awaitable<void> labelled(channel& from) {
  tasks::this_task::set_name("conn 1");
  tasks::this_task::set_label("user", "ann");
  co_spawn(co_await asio::this_coro::executor, receive(from, 2), detached);
  co_await receive(from, 1);
}

awaitable<void> races(channel& from) { co_await (receive(from, 0) || pause()); }

awaitable<void> fails(int i) {
  throw std::runtime_error("no " + std::to_string(i));
  co_return;
}

struct part {
  std::uint64_t* begin;
  std::size_t words;
  std::vector<std::uint64_t> saved;
};

class forger {
 public:
  explicit forger(bool tables) {
    auto& root = tasks::detail::this_root;
    auto& home = *root.records.load();
    if (tables) {
      add(&root, sizeof root);
      add(&home, offsetof(layout::registry, slabs) + 8 * sizeof(void*));
      add(&home.call_sites, sizeof home.call_sites + sizeof home.innermost_calls + 2 * sizeof(void*));
    }
    add(home.slots, 4 * sizeof(layout::thread_slot));
    add(&home.failures, sizeof home.failures + sizeof home.recent);
    add(home.slabs[0].load(), (home.used.load() < 512 ? home.used.load() : 512) * layout::record_size);
    if (auto* calls = home.call_chunks[0].load()) add(calls, 64 * sizeof(layout::call_site));
    // What a location's words may lead to: no end, and what a terminal obeys.
    std::memset(text_, 'x', sizeof text_);
    std::memcpy(text_, hostile, sizeof hostile - 1);
    location_[0] = address(text_);
    location_[1] = address(text_ + 3);
    location_[2] = ~std::uint64_t{0};
  }

  void forge(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    for (auto& each : parts_) std::memcpy(each.begin, each.saved.data(), each.words * sizeof(std::uint64_t));
    const auto changes = std::uint64_t{1} << random() % 9;
    for (std::uint64_t i = 0; i < changes; ++i) {
      auto& in = parts_[random() % parts_.size()];
      in.begin[random() % in.words] = word(random, in);
    }
  }

 private:
  static constexpr char hostile[] =
      "\x1b[2J\x9b"
      "31m\xc2\x9b\r\n\b\xe2\x80\xae\xff\x07";

  static std::uint64_t address(const void* of) { return reinterpret_cast<std::uint64_t>(of); }

  void add(void* begin, std::size_t bytes) {
    auto* words = static_cast<std::uint64_t*>(begin);
    parts_.push_back({words, bytes / 8, {words, words + bytes / 8}});
  }

  std::uint64_t word(std::mt19937_64& random, const part& in) {
    const auto& other = parts_[random() % parts_.size()];
    std::uint64_t text = 0;
    switch (random() % 16) {
      case 0:
        return 0;
      case 1:
        return random() % 64;
      case 2:
        return ~std::uint64_t{0} >> random() % 64;
      case 3:
        return std::uint64_t{1} << random() % 64;
      case 4:
        return random();
      case 5:
      case 6:
        return address(other.begin + random() % other.words);
      case 7:
      case 8:
        return address(other.begin) + random() % other.words * 8 / layout::record_size * layout::record_size;
      case 9:
        return in.saved[random() % in.words];
      case 10:
        return other.saved[random() % other.words];
      case 11:
        return address(location_);
      case 12:
        return address(text_ + sizeof text_ - 1);
      case 13:
        return ~address(reinterpret_cast<const void*>(&std::_Exit));
      case 14:
        return in.saved[random() % in.words] ^ std::uint64_t{1} << random() % 64;
      default:
        std::memcpy(&text, hostile + random() % (sizeof hostile - sizeof text), sizeof text);
        return text;
    }
  }

  std::vector<part> parts_;
  std::uint64_t location_[3];
  alignas(8) char text_[8192];
};

int run(std::string_view what) {
  ::alarm(3600);
  asio::io_context context;
  channel numbers(context, 0);
  for (int i = 0; i < 20; ++i) {
    co_spawn(context, receive(numbers, i), detached);
    co_spawn(context, labelled(numbers), detached);
    co_spawn(context, races(numbers), detached);
    co_spawn(context, pause(), detached);
    co_spawn(context, fails(i), detached);
  }
  context.poll();
  forger registry(what != "contents");
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    registry.forge(std::stoull(line));
    std::cout << "forged" << std::endl;
  }
  std::_Exit(EXIT_SUCCESS);
}

}  // namespace forged_words

int main(int argc, char** argv) { return forged_words::run(argc > 1 ? argv[1] : ""); }
