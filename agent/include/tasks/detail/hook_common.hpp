#pragma once

/// What both hooks include. Not <chrono>'s streams, not <string>: this is in front of every source of a user.

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <source_location>
#include <string_view>
#include <type_traits>
#include <utility>

#include "tasks/detail/wait_kinds.hpp"
#include "tasks/detail/writer.hpp"

namespace tasks::detail {

/// How a timer's expiry is stored. Empty for clocks whose time points cannot be told to a reader.
template <class TimePoint>
struct expiry_clock {};

template <class Clock, layout::detail_kind Kind>
struct expiry_in_nanoseconds {
  using type = Clock;
  static constexpr auto kind = Kind;
  template <class TimePoint>
  static std::uint64_t nanoseconds(const TimePoint& t) noexcept {
    if (t == (TimePoint::max)()) return INT64_MAX;
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(t.time_since_epoch()).count());
  }
};

template <class Duration>
struct expiry_clock<std::chrono::time_point<std::chrono::steady_clock, Duration>>
    : expiry_in_nanoseconds<std::chrono::steady_clock, layout::detail_kind::steady_expiry> {};

template <class Duration>
struct expiry_clock<std::chrono::time_point<std::chrono::system_clock, Duration>>
    : expiry_in_nanoseconds<std::chrono::system_clock, layout::detail_kind::system_expiry> {};

/// The compiler's name of T, with all of its template arguments.
template <class T>
consteval std::string_view name_of() {
  return __PRETTY_FUNCTION__;
}
/// Does it contain this word?
template <class T>
consteval bool is_named(std::string_view word) {
  return name_of<T>().find(word) != std::string_view::npos;
}
/// Is it an instance of a template whose name, without the namespaces before `detail::`, begins so?
template <class T>
consteval bool begins_with(std::string_view name) {
  constexpr auto before = name_of<int>().rfind("int");
  const auto all = name_of<T>().substr(before);
  return all.substr(0, all.find('<')).find(name) != std::string_view::npos;
}
/// A handler that ends another operation when it is called: Beast's timeout_handler, Asio's timed_cancel_timer_handler.
/// A websocket has one for all that it does.
template <class T>
consteval ends_another what_ends() {
  if (!is_named<T>("timeout_handler") && !is_named<T>("timed_cancel_timer_handler")) return ends_another::no;
  return begins_with<T>("websocket::stream") ? ends_another::all : ends_another::part;
}
/// Is it of a websocket's handshake, which its timer ends when it fires? Later that may send a ping instead.
template <class T>
consteval bool is_handshake() {
  return is_named<T>("websocket::stream") &&
         (is_named<T>("::handshake_op<") || is_named<T>("::accept_op<") || is_named<T>("::response_op<"));
}

}  // namespace tasks::detail
