#pragma once

/// What the programs of leaks/ and goker/ share. Each leaves tasks behind, or does the same thing right:
///
///   PROGRAM leaking|fixed  prints  kind: channel
///                                  verdict: proven     what a perfect tool says of its tasks; none: there is no leak
///                                  leaked: 2
///                                  where: 2 backend    innermost function of so many leaked tasks
///                                  tasks: 2            all that exist
///                                  ready
///
/// Each line of input does it once more and prints all of that anew; it ends when its input closes. Nothing here knows
/// of any tool: plain Asio.

#include <algorithm>
#include <array>
#include <asio.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/experimental/channel.hpp>
#include <asio/experimental/concurrent_channel.hpp>
#include <chrono>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>
#if __has_include(<asio/as_tuple.hpp>)
#  include <asio/as_tuple.hpp>
#else
#  include <asio/experimental/as_tuple.hpp>
#endif

namespace leaks {

#if __has_include(<asio/as_tuple.hpp>)
using asio::as_tuple;
#else
using asio::experimental::as_tuple;
#endif
using asio::any_io_executor;
using asio::awaitable;
using asio::co_spawn;
using asio::detached;
using asio::error_code;
using asio::use_awaitable;
using asio::ip::tcp;
using namespace asio::experimental::awaitable_operators;
using namespace std::chrono_literals;
namespace this_coro = asio::this_coro;

/// Used by one thread at a time.
template <class T>
using channel = asio::experimental::channel<void(error_code, T)>;
template <class T>
using concurrent_channel = asio::experimental::concurrent_channel<void(error_code, T)>;

struct nothing {};
/// Closed when it happens: all who wait are woken.
using event = concurrent_channel<nothing>;

/// The error is the first of what is awaited, instead of thrown.
inline constexpr auto no_throw = as_tuple(use_awaitable);
inline const error_code ok{};

enum class form { leaking, fixed };

struct blocked {
  int count;
  std::string_view function;
};

/// What a program says of itself.
struct claims {
  std::string_view kind;
  std::string_view verdict;
  std::vector<blocked> leaks;
  /// Tasks that are not leaked.
  int healthy = 0;
};

/// Runs until this one has returned and nothing else can go on by itself.
void settle(asio::io_context& io, awaitable<void> work);

/// Clears what earlier calls left on the stack below the caller: a pointer there would be a reference.
void clear_stack();

void print(const claims& said);

/// False at the end of the input.
bool a_line_comes();

/// Serves on a thread of its own as long as it lives.
class server {
 public:
  explicit server(asio::io_context& io);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

 private:
  asio::io_context& io_;
  std::thread thread_;
};

/// main() of a program. Ends without destroying what leaked.
int run(int argc, char** argv, awaitable<void> (*start)(form), const claims& said);

/// One of the programs of an executable that has several, so that Asio is compiled once for all of them. Made before
/// main(), which runs the one that the executable was started as.
class program {
 public:
  program(std::string_view name, awaitable<void> (*start)(form), claims said);
  static int run_one(int argc, char** argv);

 private:
  std::string_view name_;
  awaitable<void> (*start_)(form);
  claims said_;
  const program* next_;
};

}  // namespace leaks
