#pragma once

/// What the file descriptors of a target are: peers of sockets, pipes, files.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace tasks::cli {

/// What a descriptor leads to.
struct endpoint {
  enum class kind { unknown, socket, pipe, file, other };
  kind is = kind::unknown;
  std::string name;  ///< "tcp", "udp", "unix", "pipe", "eventfd", "timerfd", …; empty: not known, or a file
  /// The other end of a socket: "127.0.0.1:41822"; a path, or "fd 9" of the same process, of a unix socket. A file's
  /// path. Empty: there is none, or it is not known.
  std::string peer = {};
  std::string local = {};  ///< a socket's own address or path; empty: none, or not known
  /// Bytes in the kernel's queues of a socket; of one that listens: connections to be accepted, and how many may be.
  /// Nothing: not known. What is sent and not acknowledged is known of TCP only.
  struct queues {
    std::uint64_t receive = 0, send = 0;
  };
  std::optional<queues> waiting = {};
  bool listens = false;
  bool connects = false;   ///< the peer has not answered yet
  bool shut_down = false;  ///< for receiving, sending or both
};

class descriptor_table {
 public:
  explicit descriptor_table(pid_t pid);
  /// Looked up once; the socket tables are read at the first socket.
  [[nodiscard]] const endpoint& at(std::uint32_t fd);
  /// What a descriptor was, of a process that there is no more than a record of.
  void know(std::uint32_t fd, endpoint is) { known_.insert_or_assign(fd, std::move(is)); }

 private:
  void read_sockets();
  void read_internet_sockets(const char* table);
  void read_unix_sockets();
  [[nodiscard]] endpoint socket_of(std::uint64_t inode);
  void add_unix_peer(std::uint64_t inode, endpoint& to) const;
  [[nodiscard]] std::string own_descriptor_of(std::uint64_t inode) const;

  pid_t pid_;
  bool sockets_read_ = false;
  std::unordered_map<std::uint32_t, endpoint> known_;
  std::unordered_map<std::uint64_t, endpoint> sockets_;  ///< by inode
};

/// The address in a line of /proc/net/tcp: "0100007F:1F90" or 32 hex digits; empty when it is none.
[[nodiscard]] std::string parse_address(std::string_view text);
/// The queues in such a line: "tx:rx", both in hex; nothing when it is none.
[[nodiscard]] std::optional<endpoint::queues> parse_queues(std::string_view text);

}  // namespace tasks::cli
