#pragma once

/// Who is answered. Without a token: the user who runs the server, and root, by what the kernel says of the other end
/// of the connection. With one: whoever has it. And no page of another site, which a browser would lend its user's
/// rights:
///
///   Host     has to be an address or a name that was chosen, so that no name of a stranger's leads here (DNS
///   rebinding) Origin   has to be the page's own; Sec-Fetch-Site must not say that another site asks

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace tasks::cli {

struct access_rules {
  std::string token;               ///< empty: none, and the user decides
  std::vector<std::string> hosts;  ///< names besides addresses and localhost
  uid_t user = 0;                  ///< who runs the server
};

/// What of a request decides.
struct asked_access {
  std::string_view method;
  bool is_public = false;         ///< the page itself, in which nothing is told
  bool takes_recordings = false;  ///< the one path to which something may be sent
  bool has_mark = false;          ///< the header that no form of another site, and no link, can send
  std::optional<std::string> host, origin, site, mode, authorization;
  std::optional<uid_t> peer;  ///< nothing: it is not known whose the connection is
};

struct refusal {
  int status;  ///< of HTTP
  std::string fact, next_step;
};

/// Nothing: it is answered.
[[nodiscard]] std::optional<refusal> refuse(const access_rules& rules, const asked_access& asked);

/// The first line of the file. Fails where others than its owner may read it, or it has fewer than 16 characters or
/// other ones than RFC 6750 allows.
[[nodiscard]] result<std::string> read_token(const std::string& path);

}  // namespace tasks::cli
