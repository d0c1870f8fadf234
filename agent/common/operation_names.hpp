#pragma once

/// What a coroutine of the library's own stands for: an operation that nobody's function awaits, an operator, or the
/// entry of a task. Read from its name, in whose types a library names all of these:
///
///   asio::async_result<use_awaitable_t<>, void(std::error_code)>::initiate(steady_timer::initiate_async_wait, …)
///     timer.async_wait()
///   asio::experimental::awaitable_operators::operator&&(awaitable<void>, awaitable<void>)
///     (… && …)
///   asio::detail::co_spawn_entry_point(awaitable<void>*, any_io_executor, main()::<lambda()>,
///   detail::detached_handler)
///     main()::<lambda()>, for which nobody waits

#include <cstdint>
#include <string>
#include <string_view>

namespace tasks::detail {

struct library_frame {
  enum class kind : std::uint8_t { other, operation, join, entry };
  /// Who waits for the task of an entry, as far as its completion handler tells.
  enum class waiter : std::uint8_t { unknown, coroutine, nobody };

  kind is = kind::other;
  waiter waits = waiter::unknown;
  std::string text;   ///< of an entry: the function that the task begins with; empty: its name does not tell
  std::string clock;  ///< of an operation of a timer: which it goes by; empty: it is none's, or its name does not tell
};

/// `readable`: a name as make_readable() gives it, of plumbing.
[[nodiscard]] library_frame read_library_frame(std::string_view readable);

}  // namespace tasks::detail
