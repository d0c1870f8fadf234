#pragma once

/// What a task waits for, in words. The numbers are those of tasks.v1.Wait.Kind too.

#include <array>
#include <string_view>
#include <utility>

#include "tasks/detail/layout.hpp"

namespace tasks::detail {

/// Every kind of wait, in the order in which options list them.
inline constexpr std::array<std::pair<layout::wait_kind, std::string_view>, 16> wait_names = {{
    {layout::wait_kind::channel_send, "channel send"},
    {layout::wait_kind::channel_receive, "channel receive"},
    {layout::wait_kind::timer, "timer"},
    {layout::wait_kind::socket_connect, "socket connect"},
    {layout::wait_kind::socket_accept, "socket accept"},
    {layout::wait_kind::socket_read, "socket read"},
    {layout::wait_kind::socket_write, "socket write"},
    {layout::wait_kind::socket_wait, "socket wait"},
    {layout::wait_kind::resolve, "resolve"},
    {layout::wait_kind::signal, "signal"},
    {layout::wait_kind::descriptor_read, "descriptor read"},
    {layout::wait_kind::descriptor_write, "descriptor write"},
    {layout::wait_kind::descriptor_wait, "descriptor wait"},
    {layout::wait_kind::post, "post"},
    {layout::wait_kind::tasks, "tasks"},
    {layout::wait_kind::other, "other"},
}};

/// "channel receive"; "other" for a kind of no known name.
[[nodiscard]] constexpr std::string_view wait_name(layout::wait_kind kind) noexcept {
  for (const auto& [known, name] : wait_names)
    if (known == kind) return name;
  return "other";
}

}  // namespace tasks::detail
