#pragma once

/// A client of the servers under test, on blocking sockets and nothing else: it must not share Asio with them.

#include <cstdint>
#include <string>
#include <string_view>

namespace tasks::testing {

/// A TCP connection to 127.0.0.1.
class client {
 public:
  /// Connects. Throws std::system_error.
  explicit client(std::uint16_t port);
  ~client();
  client(client&&) noexcept;
  client& operator=(client&&) = delete;

  void send(std::string_view text);
  /// Reads exactly so many bytes. Throws std::runtime_error at the end of the stream or after program.hpp's guard.
  [[nodiscard]] std::string receive(std::size_t bytes);
  /// Its own port, by which the server knows it.
  [[nodiscard]] std::uint16_t port() const;

 private:
  int fd_;
};

/// Connects as soon as somebody listens there: for servers that do not say when they are ready.
/// Throws std::runtime_error when nobody listens before program.hpp's guard.
[[nodiscard]] client connect_when_listening(std::uint16_t port);

}  // namespace tasks::testing
