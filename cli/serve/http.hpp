#pragma once

/// HTTP as `tasks serve` speaks it: questions, of which a body is read by nobody but who asks for it, answers of a
/// known length, and server-sent events. cpp-httplib takes requests apart and writes answers; here is what it leaves
/// open, who may hold a thread for how long.
///
///   listening socket ──> at most 64 threads, 256 connections that wait for one ──> handler ──> answer

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tasks::cli {

struct http_request {
  std::string method, path;                                ///< the path decoded, without its query
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded, sorted by name
  std::vector<std::pair<std::string, std::string>> headers;
  int socket = -1;                  ///< that it came through
  std::function<bool()> is_wanted;  ///< false: whoever asked has gone away, or we are to end
  /// Of its body, as the request says. Nothing: there is none, or it does not say how long it is.
  std::optional<std::uint64_t> body_bytes;
  /// Reads the body, in pieces, once. False: it has not come whole (too slowly, or the client went away), or a piece
  /// was not taken. Not to be called where `body_bytes` is nothing.
  std::function<bool(const std::function<bool(std::string_view)>& take)> receive_body;

  /// Of the header, whatever the case of its name. Nothing: there is none. Several are one with ", " between them.
  [[nodiscard]] std::optional<std::string> header(std::string_view name) const;
  [[nodiscard]] std::optional<std::string> parameter(std::string_view name) const;
};

struct http_answer {
  int status = 200;
  std::string type = "application/json; charset=utf-8";
  std::shared_ptr<const std::string> body;  ///< null: empty
  bool is_gzip = false;                     ///< the body is compressed already
  std::vector<std::pair<std::string, std::string>> headers;
  /// Of a stream instead of a body: blocks until there is more, which is appended. False: it is over.
  std::function<bool(std::string&)> next;
};

[[nodiscard]] http_answer text_answer(int status, std::string_view type, std::string body);

/// Limits of one server. What a client gets of it is a thread while it is answered, and not longer.
struct http_limits {
  std::size_t threads = 64;            ///< so many connections at once
  std::size_t waiting = 256;           ///< so many more wait for a thread; those that have waited longest are refused
  std::size_t streams = 32;            ///< of the threads, for events
  std::size_t request_bytes = 32'768;  ///< of a request, its headers included, its body not
};

class http_server {
 public:
  using handler = std::function<http_answer(const http_request&)>;

  /// `socket`: listens already, and is closed in the end. `answer` is called by several threads at once.
  http_server(int socket, handler answer, const http_limits& limits = {});
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;
  ~http_server();

  /// Answers until stop().
  void run();
  /// From any thread. Streams end; of an answer a client gets what it takes without delay.
  void stop();

 private:
  class gate;
  std::unique_ptr<gate> gate_;
};

}  // namespace tasks::cli
