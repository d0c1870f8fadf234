#pragma once

/// What both hooks include. Not <chrono>'s streams, not <string>: this is in front of every source of a user.

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <source_location>
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

}  // namespace tasks::detail
