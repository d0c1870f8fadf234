#pragma once

/// Where `tasks serve` listens.

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "linux/proc.hpp"

namespace tasks::cli {

/// A socket that listens.
struct listener {
  descriptor socket;
  bool is_unix = false, is_loopback = false;
  std::string url;        ///< "http://127.0.0.1:9464/"; of a Unix socket "unix:/run/tasks.sock"
  std::string unix_path;  ///< that is to be removed in the end; empty: none
};

/// "127.0.0.1:9464", "[::1]:9464", "localhost:9464", "9464" (of 127.0.0.1), ":9464" (all addresses), "unix:/PATH"; port
/// 0: the kernel chooses one. A Unix socket is its owner's alone (mode 0600); one that nobody listens on any more is
/// replaced. Fails where the words make no sense, or the address cannot be had.
[[nodiscard]] result<listener> listen_at(std::string_view words);

/// The one that systemd has made for us (sd_listen_fds(3)), by LISTEN_PID and LISTEN_FDS. Its descriptor is -1 where
/// there is none. Fails where there are several, or it is no socket that listens.
[[nodiscard]] result<listener> socket_of_systemd();

}  // namespace tasks::cli
