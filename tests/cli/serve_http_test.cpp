// HTTP as `tasks serve` speaks it, with clients that mean no good.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <latch>
#include <thread>

#include "serve/address.hpp"
#include "serve/http.hpp"
#include "support/client.hpp"
#include "support/http.hpp"

namespace tasks::cli {
namespace {

using tasks::testing::client;
using tasks::testing::get;
using tasks::testing::guard;
using tasks::testing::talk;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

/// A server of this process, for as long as it lives.
class running_server {
 public:
  explicit running_server(http_server::handler answer, const http_limits& limits = {}) {
    auto listening = *listen_at("127.0.0.1:0");
    const auto colon = listening.url.rfind(':');
    port_ = static_cast<std::uint16_t>(std::stoul(listening.url.substr(colon + 1)));
    server_ = std::make_unique<http_server>(listening.socket.release(), std::move(answer), limits);
    thread_ = std::thread([this] { server_->run(); });
  }
  ~running_server() {
    server_->stop();
    thread_.join();
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  std::uint16_t port_ = 0;
  std::unique_ptr<http_server> server_;
  std::thread thread_;
};

http_answer echo(const http_request& request) {
  std::string text = request.method + " " + request.path + "\n";
  for (const auto& [name, value] : request.query) text += name + "=" + value + "\n";
  return text_answer(200, "text/plain", text);
}

std::string asked(const std::string& what, const std::string& more = "") {
  return what + " HTTP/1.1\r\nHost: localhost\r\n" + more + "Connection: close\r\n\r\n";
}

TEST(Http, RequestsAreTakenApart) {
  const running_server server(echo);
  EXPECT_EQ(get(server.port(), "/a/b?x=1&flag&y=%41%20b").body, "GET /a/b\nflag=\nx=1\ny=A b\n");
  EXPECT_THAT(talk(server.port(), asked("HEAD /x")), AllOf(HasSubstr("200 OK"), Not(HasSubstr("HEAD /x"))));
}

TEST(Http, SeveralComeThroughOneConnection) {
  const running_server server(echo);
  const auto got = talk(server.port(), "GET /1 HTTP/1.1\r\nHost: localhost\r\n\r\n" + asked("GET /2"));
  EXPECT_THAT(got, AllOf(HasSubstr("GET /1"), HasSubstr("GET /2")));
}

TEST(Http, WhatIsNoneIsRefusedAndEndsItsConnection) {
  const running_server server(echo);
  for (const std::string& wrong :
       {std::string("nonsense\r\n\r\n"), std::string("GET / HTTP/9.9\r\n\r\n"), std::string("\r\n\r\n"),
        std::string("GET\r\n\r\n"), std::string(5000, '\0') + "\r\n"})
    EXPECT_THAT(talk(server.port(), wrong), ::testing::AnyOf(StartsWith("HTTP/1.1 400"), IsEmpty())) << wrong;
  EXPECT_EQ(get(server.port(), "/after").status, 200);
}

TEST(Http, ABodyIsNoSecondRequest) {
  const running_server server(echo);
  const auto got =
      talk(server.port(), "POST /1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40\r\n\r\n" + asked("GET /smuggled"));
  EXPECT_THAT(got, AllOf(HasSubstr("POST /1"), Not(HasSubstr("smuggled"))));
}

/// Counts what comes of a body that is asked for.
http_answer count_body(const http_request& request) {
  if (!request.body_bytes) return text_answer(200, "text/plain", "no length");
  std::uint64_t bytes = 0;
  const bool is_whole = request.receive_body([&](std::string_view piece) {
    bytes += piece.size();
    return true;
  });
  return text_answer(200, "text/plain", std::to_string(bytes) + (is_whole ? " whole" : " and no more"));
}

TEST(Http, ABodyIsReadWhereItIsAskedFor) {
  const running_server server(count_body);
  const std::string body(3'000'000, 'x');  // many times what a request may have
  EXPECT_EQ(tasks::testing::post(server.port(), "/", body).body, "3000000 whole");
  EXPECT_THAT(talk(server.port(), asked("POST /", "Content-Length: 5\r\n") + "12345GET /smuggled HTTP/1.1\r\n\r\n"),
              AllOf(HasSubstr("5 whole"), Not(HasSubstr("smuggled"))));
  EXPECT_THAT(talk(server.port(), asked("POST /", "Content-Length: 0\r\n")), HasSubstr("0 whole"));
  for (const std::string& unknown :
       {std::string("Transfer-Encoding: chunked\r\n"), std::string("Content-Length: 5\r\nContent-Length: 6\r\n"),
        std::string("Content-Length: -1\r\n"), std::string("Content-Length: 5, 5\r\n"), std::string()})
    EXPECT_THAT(talk(server.port(), asked("POST /", unknown)), HasSubstr("no length")) << unknown;
}

TEST(Http, ABodyThatDoesNotComeWholeIsNone) {
  std::atomic<bool> was_whole{true};
  std::latch done(1);
  const running_server server([&](const http_request& request) {
    was_whole = request.receive_body([](std::string_view) { return true; });
    done.count_down();
    return text_answer(200, "text/plain", "");
  });
  {
    client leaves(server.port());
    leaves.send(asked("POST /", "Content-Length: 100\r\n") + "12345");
  }
  done.wait();
  EXPECT_FALSE(was_whole);
}

/// What is sent to nobody would have the kernel take the answer back.
TEST(Http, WhoSendsABodyThatNobodyReadsIsAnswered) {
  const running_server server(echo);
  EXPECT_EQ(tasks::testing::post(server.port(), "/a", std::string(1'000'000, 'x')).body, "POST /a\n");
}

TEST(Http, ARequestHasABound) {
  const running_server server(echo);
  std::string many;
  for (int i = 0; i < 4000; ++i) many += "X-" + std::to_string(i) + ": 0123456789\r\n";
  EXPECT_THAT(talk(server.port(), asked("GET /", many)), Not(HasSubstr("200 OK")));
  EXPECT_THAT(talk(server.port(), asked("GET /" + std::string(20000, 'a'))), Not(HasSubstr("200 OK")));
  EXPECT_THAT(talk(server.port(), asked("GET /", "X: " + std::string(30000, 'a') + "\r\n")), Not(HasSubstr("200 OK")));
  EXPECT_EQ(get(server.port(), "/after").status, 200);
}

/// Of a large body some kilobytes of ranges could ask a thousand times.
TEST(Http, RangesAreNotServed) {
  const running_server server(
      [](const http_request&) { return text_answer(200, "text/plain", std::string(100000, 'x')); });
  std::string ranges = "Range: bytes=0-";
  for (int i = 0; i < 1500; ++i) ranges += ",0-";
  const auto got = talk(server.port(), asked("GET /", ranges + "\r\n"));
  EXPECT_LT(got.size(), 200000U);
  EXPECT_THAT(got, Not(HasSubstr("206")));
}

TEST(Http, TextIsCompressedOnceForWhoTakesThat) {
  const running_server server([](const http_request& request) {
    auto made = text_answer(200, "application/json", std::string(100000, 'x'));
    if (request.path == "/already") {
      made.body = std::make_shared<const std::string>("compressed before");
      made.is_gzip = true;
    }
    return made;
  });
  const auto plain = talk(server.port(), asked("GET /"));
  EXPECT_THAT(plain, AllOf(HasSubstr("Content-Length: 100000"), Not(HasSubstr("Content-Encoding"))));
  const auto small = talk(server.port(), asked("GET /", "Accept-Encoding: br, gzip\r\n"));
  EXPECT_THAT(small, HasSubstr("Content-Encoding: gzip"));
  EXPECT_LT(small.size(), 2000U);
  const auto already = talk(server.port(), asked("GET /already", "Accept-Encoding: gzip\r\n"));
  EXPECT_THAT(already, AllOf(HasSubstr("Content-Encoding: gzip"), HasSubstr("compressed before")));
}

/// Connections that say nothing, half of a request, or take nothing of an answer.
class slow_clients {
 public:
  slow_clients(std::uint16_t port, std::size_t count, std::string_view text) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (std::size_t i = 0; i < count; ++i) {
      const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      if (fd < 0) break;
      sockets_.push_back(fd);
      if (::connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) break;
      static_cast<void>(::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
    }
  }
  ~slow_clients() {
    for (const int fd : sockets_) ::close(fd);
  }
  [[nodiscard]] std::size_t size() const { return sockets_.size(); }

 private:
  std::vector<int> sockets_;
};

class Crowd : public ::testing::Test {
 protected:
  void SetUp() override {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = std::min<rlim_t>(files.rlim_max, 4096);
    ::setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < 3000) GTEST_SKIP() << "no descriptors for a thousand connections at both ends";
  }
};

TEST_F(Crowd, OfAThousandSlowClientsKeepsNobodyFromAnAnswer) {
  const std::string large(4 << 20, 'x');
  const running_server server([&large](const http_request& request) {
    return request.path == "/large" ? text_answer(200, "application/octet-stream", large) : echo(request);
  });
  const slow_clients silent(server.port(), 300, ""), half(server.port(), 400, "GET / HTTP/1.1\r\nHost: loc"),
      deaf(server.port(), 300, asked("GET /large"));
  EXPECT_EQ(silent.size() + half.size() + deaf.size(), 1000U);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(get(server.port(), "/" + std::to_string(i)).body, "GET /" + std::to_string(i) + "\n");
}

TEST(Http, StreamsAreServedUntilTheyEnd) {
  const running_server server([](const http_request&) {
    http_answer made;
    made.type = "text/event-stream";
    made.next = [left = 3](std::string& text) mutable {
      if (left == 0) return false;
      text = "data: " + std::to_string(left--) + "\n\n";
      return true;
    };
    return made;
  });
  EXPECT_THAT(talk(server.port(), asked("GET /")), HasSubstr("data: 3\n\ndata: 2\n\ndata: 1\n\n"));
}

TEST(Http, MoreStreamsThanThereMayBeAreRefusedUntilOneEnds) {
  std::atomic<bool> goes_on{true};
  http_limits limits;
  limits.streams = 2;
  const running_server server(
      [&goes_on](const http_request& request) {
        if (request.path != "/events") return echo(request);
        http_answer made;
        made.type = "text/event-stream";
        made.next = [&goes_on, is_first = true](std::string& text) mutable {
          if (!is_first) goes_on.wait(true);
          is_first = false;
          text = "data: \n\n";
          return goes_on.load();
        };
        return made;
      },
      limits);
  client first(server.port()), second(server.port());
  for (auto* each : {&first, &second}) {
    each->send(asked("GET /events"));
    EXPECT_EQ(each->receive(12), "HTTP/1.1 200");
  }
  EXPECT_THAT(talk(server.port(), asked("GET /events")), AllOf(HasSubstr("503"), HasSubstr("Retry-After")));
  EXPECT_EQ(get(server.port(), "/else").status, 200);
  goes_on = false;
  goes_on.notify_all();
  std::string got;
  while (got.find("200 OK") == got.npos) got = talk(server.port(), asked("GET /events"));
}

TEST(Http, TheServerEndsThoughClientsDoNot) {
  std::latch begun(1);
  auto server = std::make_unique<running_server>([&begun](const http_request& request) {
    http_answer made;
    made.type = "text/event-stream";
    made.next = [&begun, wanted = request.is_wanted, is_first = true](std::string& text) mutable {
      if (is_first) begun.count_down();
      is_first = false;
      while (wanted()) std::this_thread::yield();
      text = "data: \n\n";
      return false;
    };
    return made;
  });
  client listening(server->port()), silent(server->port());
  listening.send(asked("GET /"));
  begun.wait();
  server.reset();
}

TEST(Http, WhoHasGoneIsNotWaitedFor) {
  std::latch begun(1), over(1);
  const running_server server([&](const http_request& request) {
    begun.count_down();
    while (request.is_wanted()) std::this_thread::yield();
    over.count_down();
    return echo(request);
  });
  {
    client gone(server.port());
    gone.send(asked("GET /"));
    begun.wait();
  }
  over.wait();
}

}  // namespace
}  // namespace tasks::cli
