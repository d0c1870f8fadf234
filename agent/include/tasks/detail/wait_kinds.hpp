#pragma once

/// From what Asio says of an operation when it begins (ASIO_HANDLER_CREATION's object type and operation name) to a kind
/// of wait. Every pair that Asio 1.22.1, 1.38.2 and Boost 1.81 contain is listed in tests/unit/wait_kinds_test.cpp.

#include <string_view>

#include "tasks/layout.hpp"

namespace tasks::detail {

/// Both names are literals at every call, so that the compiler leaves a constant.
constexpr layout::wait_kind classify_wait(std::string_view type, std::string_view operation) noexcept {
  using enum layout::wait_kind;
  const bool accepts = operation.starts_with("async_accept");
  const bool connects = operation.starts_with("async_connect");
  const bool reads = operation.starts_with("async_receive") || operation.starts_with("async_read");
  const bool writes = operation.starts_with("async_send") || operation.starts_with("async_write");
  if (type == "channel") return writes ? channel_send : reads ? channel_receive : other;
  if (type == "deadline_timer") return timer;
  if (type == "socket")
    return accepts ? socket_accept : connects ? socket_connect : reads ? socket_read : writes ? socket_write : socket_wait;
  if (type == "resolver") return resolve;
  if (type == "signal_set") return signal;
  if (type == "descriptor" || type == "handle" || type == "object_handle" || type == "file")
    return reads ? descriptor_read : writes ? descriptor_write : descriptor_wait;
  if (type == "io_context" || type == "strand" || type == "strand_executor" || type == "thread_pool" ||
      type == "system_executor")
    return post;
  return other;
}

/// Does the native handle of this kind of operation mean a file descriptor?
constexpr bool has_descriptor(layout::wait_kind kind) noexcept {
  using enum layout::wait_kind;
  return (kind >= socket_connect && kind <= socket_wait) || (kind >= descriptor_read && kind <= descriptor_wait);
}

}  // namespace tasks::detail
