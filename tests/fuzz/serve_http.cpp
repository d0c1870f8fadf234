/// What a client sends to `tasks serve`, byte for byte: requests, their queries and headers, a recording that is
/// brought.
///
/// It is answered or the connection is closed; then the next one is served.

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "input.hpp"
#include "serve/access.hpp"
#include "serve/http.hpp"

namespace {

using namespace tasks;

constexpr std::uint64_t most_body = 1 << 20;

cli::http_answer answer(const cli::http_request& request) {
  cli::asked_access asked;
  asked.method = request.method;
  asked.host = request.header("Host");
  asked.origin = request.header("Origin");
  asked.site = request.header("Sec-Fetch-Site");
  asked.mode = request.header("Sec-Fetch-Mode");
  asked.authorization = request.header("Authorization");
  asked.takes_recordings = request.path == "/api/v1/replays";
  asked.has_mark = request.header("Tasks-Replay").has_value();
  if (const auto refused = cli::refuse({"0123456789abcdef", {"host.example"}, 1000}, asked))
    return cli::text_answer(refused->status, "text/plain; charset=utf-8", refused->fact);
  std::uint64_t got = 0;
  if (request.body_bytes && *request.body_bytes <= most_body) {
    const bool whole = request.receive_body([&](std::string_view piece) {
      got += piece.size();
      return true;
    });
    fuzz::must(whole ? got == *request.body_bytes : got <= *request.body_bytes);
  }
  return cli::text_answer(200, "text/plain; charset=utf-8",
                          request.path + request.parameter("replay").value_or("none") + std::to_string(got));
}

sockaddr_un own_address() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // Without a name in the file system.
  std::snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "tasks-fuzz-%d", static_cast<int>(::getpid()));
  return address;
}

void serve() {
  const auto address = own_address();
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  fuzz::must(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  fuzz::must(::listen(socket, 16) == 0);
  static cli::http_server server(socket, answer, {.threads = 1});
  std::thread([] { server.run(); }).detach();
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  serve();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto address = own_address();
  const detail::descriptor client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  fuzz::must(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  static_cast<void>(::send(client.get(), data, size, MSG_NOSIGNAL));
  ::shutdown(client.get(), SHUT_WR);
  char part[4096];
  ssize_t got = 0;
  std::string head;
  while ((got = ::recv(client.get(), part, sizeof part, 0)) > 0)
    if (head.size() < 9) head.append(part, static_cast<std::size_t>(got));
  fuzz::must(head.empty() || head.starts_with("HTTP/1."));
  return 0;
}
