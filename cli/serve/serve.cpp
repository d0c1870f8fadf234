#include "serve/serve.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <thread>
#include <utility>

#include "linux/capabilities.hpp"
#include "serve/address.hpp"
#include "serve/host_server.hpp"
#include "serve/http.hpp"

namespace tasks::cli {
namespace {

/// While this lives, signals that end the program are waited for, by all threads that are begun meanwhile.
class ending {
 public:
  ending() {
    ::sigemptyset(&ends_);
    for (const int each : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&ends_, each);
    ::pthread_sigmask(SIG_BLOCK, &ends_, &before_);
  }
  ending(const ending&) = delete;
  ending& operator=(const ending&) = delete;
  ~ending() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  /// True: one has come.
  [[nodiscard]] bool within(std::chrono::seconds time) const {
    const timespec left{time.count(), 0};
    return ::sigtimedwait(&ends_, nullptr, &left) > 0;
  }

 private:
  sigset_t ends_{}, before_{};
};

result<listener> open_listener(const serve_settings& settings) {
  auto given = socket_of_systemd();
  if (!given || given->socket) return given;
  return listen_at(settings.listen);
}

void say(const std::string& line) {
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fputc('\n', stderr);
}

}  // namespace

result<int> serve_this_host(const serve_settings& settings) {
  access_rules rules;
  rules.hosts = settings.names;
  rules.user = ::geteuid();
  if (settings.token_file) {
    auto token = read_token(*settings.token_file);
    if (!token) return token.why();
    rules.token = *std::move(token);
  }
  auto listening = open_listener(settings);
  if (!listening) return listening.why();
  if (rules.token.empty() && !listening->is_loopback && !listening->is_unix)
    return error{error_code::usage, "--listen " + settings.listen, "others could ask from other machines",
                 "add --token-file FILE, or listen on 127.0.0.1 or unix:/PATH"};
  auto host = host_server::make(settings, std::move(rules));
  if (!host) return host.why();
  if (!keep_rights_to_read()) return error{error_code::system, "", "rights that are not needed cannot be given up", ""};

  ::signal(SIGPIPE, SIG_IGN);
  const ending ends;
  http_server server(listening->socket.release(),
                     [&host](const http_request& request) { return (*host)->answer(request); });
  std::thread accepting([&server] { server.run(); });
  say(fmt::format("tasks: serving {}", listening->url));
  do {
    (*host)->sample();
  } while (!ends.within(history::interval));
  server.stop();
  accepting.join();
  if (!listening->unix_path.empty()) ::unlink(listening->unix_path.c_str());
  return 0;
}

}  // namespace tasks::cli
