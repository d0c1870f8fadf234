#pragma once

/// From what Asio says of an operation when it begins (ASIO_HANDLER_CREATION's object type and operation name) to a
/// kind of wait. Every pair that Asio 1.22.1, 1.38.2 and Boost 1.81 contain is listed in
/// tests/hook/wait_kinds_test.cpp.

#include <cstdint>
#include <string_view>

#include "tasks/detail/layout.hpp"

namespace tasks::detail {

/// The type of the object that an operation belongs to. Asio passes literals, so the compiler is left with a constant
/// (a constexpr function was not inlined: 180 instructions a wait).
struct object_type {
  enum kind : std::uint8_t { other, channel, timer, socket, resolver, signal_set, descriptor, executor };

  consteval object_type(const char* literal) : value(classify(literal)) {}  // NOLINT(google-explicit-constructor)

  static constexpr kind classify(std::string_view name) {
    if (name == "channel") return channel;
    if (name == "deadline_timer") return timer;
    if (name == "socket") return socket;
    if (name == "resolver") return resolver;
    if (name == "signal_set") return signal_set;
    if (name == "descriptor" || name == "handle" || name == "object_handle" || name == "file") return descriptor;
    if (name == "io_context" || name == "strand" || name == "strand_executor" || name == "thread_pool" ||
        name == "system_executor")
      return executor;
    return other;
  }

  kind value;
};

/// What is done with it.
struct operation_name {
  enum kind : std::uint8_t { wait, accept, connect, read, write };

  consteval operation_name(const char* literal) : value(classify(literal)) {}  // NOLINT(google-explicit-constructor)

  static constexpr kind classify(std::string_view name) {
    if (name.starts_with("async_accept")) return accept;
    if (name.starts_with("async_connect")) return connect;
    if (name.starts_with("async_receive") || name.starts_with("async_read")) return read;
    if (name.starts_with("async_send") || name.starts_with("async_write")) return write;
    return wait;
  }

  kind value;
};

constexpr layout::wait_kind classify_wait(object_type::kind type, operation_name::kind operation) noexcept {
  using layout::wait_kind;
  const auto choose = [operation](wait_kind reads, wait_kind writes, wait_kind otherwise) {
    return operation == operation_name::read ? reads : operation == operation_name::write ? writes : otherwise;
  };
  switch (type) {
    case object_type::channel:
      return choose(wait_kind::channel_receive, wait_kind::channel_send, wait_kind::other);
    case object_type::timer:
      return wait_kind::timer;
    case object_type::socket:
      if (operation == operation_name::accept) return wait_kind::socket_accept;
      if (operation == operation_name::connect) return wait_kind::socket_connect;
      return choose(wait_kind::socket_read, wait_kind::socket_write, wait_kind::socket_wait);
    case object_type::resolver:
      return wait_kind::resolve;
    case object_type::signal_set:
      return wait_kind::signal;
    case object_type::descriptor:
      return choose(wait_kind::descriptor_read, wait_kind::descriptor_write, wait_kind::descriptor_wait);
    case object_type::executor:
      return wait_kind::post;
    case object_type::other:
      break;
  }
  return wait_kind::other;
}

/// Does the native handle of this kind of operation mean a file descriptor?
constexpr bool has_descriptor(layout::wait_kind kind) noexcept {
  using enum layout::wait_kind;
  return (kind >= socket_connect && kind <= socket_wait) || (kind >= descriptor_read && kind <= descriptor_wait);
}

}  // namespace tasks::detail
