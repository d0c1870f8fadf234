#include "serve/address.hpp"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace tasks::cli {
namespace {

constexpr std::string_view forms = "such as 127.0.0.1:9464, [::1]:9464 or unix:/run/user/1000/tasks.sock";

error wrong(std::string_view words, std::string fact) {
  return {error_code::usage, fmt::format("--listen {}", words), std::move(fact), std::string(forms)};
}

error refused(std::string_view words, int why) {
  std::string next;
  if (why == EADDRINUSE) next = "another tasks serve? --listen chooses another port";
  if (why == EACCES) next = "ports below 1024 are root's";
  return {error_code::system, fmt::format("cannot listen on {}", words), ::strerror(why), std::move(next)};
}

struct socket_address {
  sockaddr_storage bytes{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&bytes); }
};

std::optional<std::uint16_t> read_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, wrong_at] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (wrong_at != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

result<socket_address> read_internet(std::string_view words) {
  const auto colon = words.rfind(':');
  auto host = std::string(colon == words.npos ? "127.0.0.1" : words.substr(0, colon));
  const auto port = read_port(colon == words.npos ? words : words.substr(colon + 1));
  if (!port) return wrong(words, "it has no port");
  socket_address made;
  if (host.empty()) host = "[::]";
  if (host == "localhost") host = "127.0.0.1";
  if (host.starts_with('[') && host.ends_with(']')) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(made.bytes);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(*port);
    made.size = sizeof v6;
    if (::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6.sin6_addr) == 1) return made;
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(made.bytes);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(*port);
    made.size = sizeof v4;
    if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) return made;
  }
  return wrong(words, fmt::format("{} is no address of this machine", host));
}

result<socket_address> read_unix(std::string_view words, std::string_view path) {
  socket_address made;
  auto& local = reinterpret_cast<sockaddr_un&>(made.bytes);
  local.sun_family = AF_UNIX;
  if (!path.starts_with('/')) return wrong(words, "the path of a socket begins with /");
  if (path.size() >= sizeof local.sun_path)
    return wrong(words, fmt::format("the path of a socket has at most {} bytes", sizeof local.sun_path - 1));
  std::memcpy(local.sun_path, path.data(), path.size());
  made.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return made;
}

/// What a server that was killed has left behind.
void remove_if_nobody_listens(const std::string& path, const socket_address& at) {
  struct stat there {};
  if (::lstat(path.c_str(), &there) != 0 || !S_ISSOCK(there.st_mode) || there.st_uid != ::geteuid()) return;
  const descriptor tried(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (tried && ::connect(tried.get(), at.get(), at.size) != 0 && errno == ECONNREFUSED) ::unlink(path.c_str());
}

/// What the kernel made of it.
void describe(listener& made) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (::getsockname(made.socket.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0) return;
  char text[INET6_ADDRSTRLEN] = "";
  if (bound.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(bound);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    made.is_loopback = (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
    made.url = fmt::format("http://{}:{}/", text, ntohs(v4.sin_port));
  } else if (bound.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(bound);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    made.is_loopback = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    made.url = fmt::format("http://[{}]:{}/", text, ntohs(v6.sin6_port));
  } else if (bound.ss_family == AF_UNIX) {
    const auto& local = reinterpret_cast<const sockaddr_un&>(bound);
    made.is_unix = true;
    made.url = fmt::format("unix:{}", size > offsetof(sockaddr_un, sun_path) ? local.sun_path : "");
  }
}

}  // namespace

result<listener> listen_at(std::string_view words) {
  constexpr std::string_view unix_begin = "unix:";
  const bool is_unix = words.starts_with(unix_begin);
  const auto path = std::string(is_unix ? words.substr(unix_begin.size()) : std::string_view());
  const auto at = is_unix ? read_unix(words, path) : read_internet(words);
  if (!at) return at.why();
  if (is_unix) remove_if_nobody_listens(path, *at);

  listener made;
  made.socket = descriptor(::socket(at->bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!made.socket) return refused(words, errno);
  const int on = 1;
  if (!is_unix) ::setsockopt(made.socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const auto mask = ::umask(0177);
  const bool bound = ::bind(made.socket.get(), at->get(), at->size) == 0;
  const int why = errno;
  ::umask(mask);
  if (!bound) return refused(words, why);
  if (is_unix) made.unix_path = path;
  if (::listen(made.socket.get(), SOMAXCONN) != 0) return refused(words, errno);
  describe(made);
  return made;
}

result<listener> socket_of_systemd() {
  listener made;
  const char* const pid = std::getenv("LISTEN_PID");
  const char* const count = std::getenv("LISTEN_FDS");
  if (pid == nullptr || count == nullptr || std::to_string(::getpid()) != pid) return made;
  constexpr int first = 3;
  if (std::string_view(count) != "1")
    return error{error_code::usage, "", fmt::format("systemd has passed {} sockets, and one is served", count),
                 "one ListenStream= in the socket unit"};
  int listens = 0;
  socklen_t size = sizeof listens;
  if (::getsockopt(first, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0)
    return error{error_code::usage, "", "what systemd has passed is no socket that listens",
                 "ListenStream= in the socket unit, with Accept=no"};
  ::fcntl(first, F_SETFD, FD_CLOEXEC);
  made.socket = descriptor(first);
  describe(made);
  return made;
}

}  // namespace tasks::cli
