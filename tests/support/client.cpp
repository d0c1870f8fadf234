#include "support/client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "support/program.hpp"

namespace tasks::testing {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace

client::client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const sockaddr_in address = loopback(port);
  timeval limit{};
  limit.tv_sec = std::chrono::seconds(guard).count();
  if (fd_ < 0) fail("socket");
  if (::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
      ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    ::close(fd_);
    errno = error;
    fail("connect");
  }
}

client::~client() {
  if (fd_ >= 0) ::close(fd_);
}

client::client(client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

void client::send(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
    if (count < 0) fail("send");
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::string client::receive(std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t count = ::recv(fd_, text.data() + done, bytes - done, 0);
    if (count < 0) fail("recv");
    if (count == 0) throw std::runtime_error("the server closed the connection after: " + text.substr(0, done));
    done += static_cast<std::size_t>(count);
  }
  return text;
}

std::uint16_t client::port() const {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) fail("getsockname");
  return ntohs(address.sin_port);
}

client connect_when_listening(std::uint16_t port) {
  const auto deadline = std::chrono::steady_clock::now() + guard;
  for (;;) {
    try {
      return client(port);
    } catch (const std::system_error& error) {
      if (error.code().value() != ECONNREFUSED || std::chrono::steady_clock::now() > deadline) throw;
      ::sched_yield();
    }
  }
}

}  // namespace tasks::testing
