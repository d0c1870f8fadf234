#pragma once

/// A client of `tasks serve`, and the server.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "support/program.hpp"

namespace tasks::testing {

struct http_reply {
  int status = 0;  ///< 0: no answer
  std::string body;
  std::map<std::string, std::string> headers;  ///< names in lower case
};

using http_headers = std::multimap<std::string, std::string>;

/// GET, by cpp-httplib's client. Waits as long as program.hpp's guard.
[[nodiscard]] http_reply get(std::uint16_t port, const std::string& path, const http_headers& headers = {});

/// POST, likewise.
[[nodiscard]] http_reply post(std::uint16_t port, const std::string& path, const std::string& body,
                              const http_headers& headers = {});

/// The bytes of a whole conversation: sends `text` on a new connection and reads until the other side closes it.
[[nodiscard]] std::string talk(std::uint16_t port, std::string_view text);

/// `tasks serve` on a port that the kernel has chosen, with these arguments besides.
class http_host {
 public:
  explicit http_host(const std::vector<std::string>& arguments = {}, const environment& env = {});
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] const program& process() const noexcept { return process_; }
  /// SIGTERM, and how it ends.
  ending stop();

 private:
  program process_;
  std::uint16_t port_ = 0;
};

/// Path of `tasks-serve`.
[[nodiscard]] std::string serve_executable();

}  // namespace tasks::testing
