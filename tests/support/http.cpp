#include "support/http.hpp"

#include <arpa/inet.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace tasks::testing {

namespace {

http_reply reply_of(const httplib::Result& got) {
  http_reply reply;
  if (!got) return reply;
  reply.status = got->status;
  reply.body = got->body;
  for (const auto& [name, value] : got->headers) {
    std::string lower;
    for (const char c : name) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    reply.headers[lower] = value;
  }
  return reply;
}

}  // namespace

http_reply get(std::uint16_t port, const std::string& path, const http_headers& headers) {
  httplib::Client client("127.0.0.1", port);
  client.set_read_timeout(guard);
  return reply_of(client.Get(path, httplib::Headers(headers.begin(), headers.end())));
}

http_reply post(std::uint16_t port, const std::string& path, const std::string& body, const http_headers& headers) {
  httplib::Client client("127.0.0.1", port);
  client.set_read_timeout(guard);
  return reply_of(
      client.Post(path, httplib::Headers(headers.begin(), headers.end()), body, "application/octet-stream"));
}

std::string talk(std::uint16_t port, std::string_view text) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{guard.count(), 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) throw std::runtime_error("nobody listens");
  std::string got;
  if (::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size())) {
    char bytes[4096];
    for (ssize_t size; (size = ::recv(fd, bytes, sizeof bytes, 0)) > 0;)
      got.append(bytes, static_cast<std::size_t>(size));
  }
  ::close(fd);
  return got;
}

std::string serve_executable() { return tasks_executable() + "-serve"; }

namespace {

std::vector<std::string> command_of(const std::vector<std::string>& arguments) {
  // What it says on standard error is what `program` reads.
  std::vector<std::string> command = {"sh",    "-c",       "exec \"$@\" 2>&1", "sh", serve_executable(),
                                      "serve", "--listen", "127.0.0.1:0"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

}  // namespace

http_host::http_host(const std::vector<std::string>& arguments, const environment& env)
    : process_(program::unready(), command_of(arguments), env) {
  const auto url = process_.read_until("tasks: serving http://127.0.0.1:");
  port_ = static_cast<std::uint16_t>(std::stoul(url));
}

ending http_host::stop() {
  process_.send_signal(SIGTERM);
  return process_.wait();
}

}  // namespace tasks::testing
