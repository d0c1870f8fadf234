// /metrics, scraped by the real Prometheus. Where TASKS_TEST_METRICS_URL names a server, as in 127.0.0.1:9464/metrics,
// that is scraped instead of one that does no more than answer with the text.

#include "support/prometheus.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "serve/host_metrics.hpp"
#include "serve/metrics_text.hpp"
#include "support/program.hpp"

namespace tasks::testing {
namespace {

using ::testing::HasSubstr;

/// Answers each GET with what is known then: at /text as text, elsewhere as is accepted.
class responder {
 public:
  responder() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    const bool listens = ::bind(listener_, reinterpret_cast<const sockaddr*>(&at), size) == 0 &&
                         ::listen(listener_, 16) == 0 &&
                         ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size) == 0;
    EXPECT_TRUE(listens);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~responder() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  responder(const responder&) = delete;
  responder& operator=(const responder&) = delete;

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  void run() {
    for (int fd = 0; (fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0; ::close(fd)) {
      std::string request;
      char bytes[4096];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const auto n = ::read(fd, bytes, sizeof bytes);
        if (n <= 0) break;
        request.append(bytes, static_cast<std::size_t>(n));
      }
      answer(fd, request);
    }
  }

  void answer(int fd, const std::string& request) {
    const auto accept = request.find("\r\nAccept: ");
    auto format = cli::metrics_format::prometheus;
    if (accept != std::string::npos && !request.starts_with("GET /text"))
      format = cli::format_accepted_by(
          std::string_view(request).substr(accept + 10, request.find('\r', accept + 2) - accept - 10));
    fmt::memory_buffer text;
    cli::write_metrics(text, *collector_.look(std::chrono::seconds(1)), {.format = format});
    const auto sent =
        fmt::format("HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
                    cli::content_type_of(format), text.size(), fmt::to_string(text));
    for (std::size_t at = 0; at < sent.size();) {
      const auto n = ::send(fd, sent.data() + at, sent.size() - at, MSG_NOSIGNAL);
      if (n <= 0) return;
      at += static_cast<std::size_t>(n);
    }
  }

  cli::metrics_collector collector_{{.chosen = [](const std::string& name) { return name == "lab"; }}};
  int listener_;
  int port_ = 0;
  std::thread thread_;
};

TEST(Prometheus, ScrapesAndAnswersQueries) {
  if (!has_prometheus()) GTEST_SKIP() << "there is no prometheus (Debian: prometheus)";
  const program lab({program_path("lab"), "--leak", "send"});
  wait_until_shown({"stack", "--kind", "channel-send", "-p", lab.pid_text()}, "ask_replica");
  responder own;
  std::vector<scraped> what;
  if (const char* url = ::getenv("TASKS_TEST_METRICS_URL")) {
    const std::string typed = url;
    what.push_back({"served", typed.substr(0, typed.find('/')), typed.substr(typed.find('/'))});
  } else {
    what = {{"open", own.address(), "/metrics"}, {"text", own.address(), "/text"}};
  }
  const prometheus server(what);
  for (const auto& each : what) {
    const auto of = "{job=\"" + each.job + "\", pid=\"" + lab.pid_text() + "\"";
    EXPECT_THAT(server.wait_until("tasks_up" + of + "}", "=> "), HasSubstr("=> 1 @"));
    EXPECT_THAT(server.query("up{job=\"" + each.job + "\"}"), HasSubstr("=> 1 @"));
    EXPECT_THAT(server.query("tasks_stack_tasks" + of + ", function=~\"lab::ask_replica.*\", wait=\"channel-send\"}"),
                HasSubstr("=> 2 @"));
    EXPECT_THAT(server.query("sum(tasks_blocked" + of + "}) - sum(tasks_tasks" + of + ", state=\"blocked\"})"),
                HasSubstr("=> 0 @"));
    EXPECT_THAT(server.query("tasks_process_info" + of + ", source=\"agent\"}"), HasSubstr("/lab\""));
    EXPECT_THAT(server.query("tasks_spawned_total" + of + "} - tasks_ended_total" + of + "} > 0"), HasSubstr("=> "));
    EXPECT_THAT(server.query("time() - tasks_process_start_time_seconds" + of + "} < 3600"), HasSubstr("=> "));
  }
}

}  // namespace
}  // namespace tasks::testing
