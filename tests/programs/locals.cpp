/// Coroutines with parameters and variables of every kind that is shown, each at a co_await that never ends:
///
///   kinds     one variable of each type that is a number or an address
///   holders   one of each that holds others
///   scopes    blocks that are over, blocks that are not, and what begins behind the co_await or with its result
///   rounds    a loop at whose third turn what the first two had in a block is over
///   borrows   references
///
/// Prints the addresses that it keeps, then `ready`, and ends when its standard input closes.

#include <asio.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace locals {

enum class color { red, green };
struct point {
  int x = 0, y = 0;
};
/// Whatever holds one thing is that thing.
struct port {
  std::uint16_t number = 0;
};
/// Holds itself: nobody may look for its end.
struct folder {
  std::vector<folder> within;
};

/// What is used after a co_await lives in the frame, whatever is optimized.
[[gnu::noinline]] void use(const void* one) { asm volatile("" : : "r"(one) : "memory"); }
template <class... T>
void uses(const T&... these) {
  (use(&these), ...);
}

using timer = asio::steady_timer;

asio::awaitable<void> never(timer& of) { co_await of.async_wait(asio::use_awaitable); }
asio::awaitable<std::string> never_says(timer& of) {
  co_await of.async_wait(asio::use_awaitable);
  co_return "said";
}

template <class T>
void tell(std::string_view name, const T* address) {
  std::cout << name << ' ' << static_cast<const void*>(address) << std::endl;
}

asio::awaitable<void> kinds(timer& of, int number, std::string text, double ratio) {
  bool is_open = true;
  char letter = 'a', bell = '\a';
  signed char small = -3;
  std::uint8_t byte = 200;
  std::int64_t least = INT64_MIN;
  std::uint64_t greatest = UINT64_MAX;
  float half = 0.5F;
  color paint = color::green, unnamed = static_cast<color>(7);
  point spot{1, 2};
  const point* nowhere = nullptr;
  const point* somewhere = &spot;
  tell("spot", &spot);
  co_await never(of);
  uses(number, text, ratio, is_open, letter, bell, small, byte, least, greatest, half, paint, unnamed, spot, nowhere,
       somewhere);
}

asio::awaitable<void> holders(timer& of) {
  std::string empty, brief = "brief", lengthy(100, 'x');
  std::string escaped = "a \"b\"\n\x1b[31m\\ \xff \xe2\x80\xae \xc3\xa4";
  std::string accents = "a";
  for (int i = 0; i < 40; ++i) accents += "\xc3\xa4";
  std::string given = "given away and so long that it is on the heap", taken = std::move(given);
  std::string_view view = std::string_view(brief).substr(1, 3);
  std::optional<int> none, some = 5;
  std::optional<std::string> maybe = "maybe";
  auto owned = std::make_unique<point>();
  std::unique_ptr<point> nobodys;
  auto shared = std::make_shared<point>();
  std::vector<int> few = {1, 2}, many = {1, 2, 3, 4, 5, 6, 7, 8, 9}, no_one;
  std::vector<std::string> names = {"ann", "bob"};
  std::vector<point> spots(3);
  std::chrono::seconds pause{30};
  port listens{8080};
  folder root{{folder(), folder()}};
  tell("owned", owned.get());
  tell("shared", shared.get());
  co_await never(of);
  uses(empty, brief, lengthy, escaped, accents, given, taken, view, none, some, maybe, owned, nobodys, shared, few,
       many, no_one, names, spots, pause, listens, root);
}

asio::awaitable<void> scopes(timer& of, std::string open) {
  {
    std::string closed = "closed";
    uses(closed);
  }
  int level = 1;
  if (!open.empty()) {
    std::string inner = "inner";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
    int level = 2;  // there are such programs
#pragma GCC diagnostic pop
    std::string unborn =  // when it is said
        co_await never_says(of);
    std::string later = "later";
    uses(inner, unborn, later, level);
    co_await never(of);
    uses(inner, unborn, later, level);
  } else {
    std::string other = "other";
    co_await never(of);
    uses(other);
  }
  uses(open, level);
}

asio::awaitable<void> rounds(timer& of, int last) {
  for (int round = 0; round <= last; ++round) {
    std::string turn = "turn " + std::to_string(round);
    if (round == last) co_await never(of);
    std::string behind = "behind";
    co_await asio::post(asio::use_awaitable);
    uses(turn, behind);
  }
}

asio::awaitable<void> borrows(timer& of, const std::string& lent) {
  co_await never(of);
  uses(lent);
}

}  // namespace locals

int main() {
  using namespace locals;
  asio::io_context io;
  timer of(io, timer::time_point::max());
  const std::string lent = "lent";
  tell("lent", &lent);
  asio::co_spawn(io, kinds(of, 42, "a text that is so long that it is on the heap", -2.25), asio::detached);
  asio::co_spawn(io, holders(of), asio::detached);
  asio::co_spawn(io, scopes(of, "open"), asio::detached);
  asio::co_spawn(io, rounds(of, 2), asio::detached);
  asio::co_spawn(io, borrows(of, lent), asio::detached);
  while (io.poll() != 0) {
  }
  std::thread([] {
    for (std::string line; std::getline(std::cin, line);) {
    }
    std::_Exit(EXIT_SUCCESS);
  }).detach();
  std::cout << "ready" << std::endl;
  io.run();
}
