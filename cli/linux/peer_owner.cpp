#include "linux/peer_owner.hpp"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstring>

#include "linux/proc.hpp"

namespace tasks::cli {
namespace {

/// An end of a TCP connection, as inet_diag spells it.
struct tcp_end {
  std::uint8_t family = AF_UNSPEC;
  std::uint32_t address[4] = {};  ///< network byte order
  std::uint16_t port = 0;         ///< likewise
  bool is_loopback = false;
};

std::optional<tcp_end> end_of(const sockaddr_storage& at) {
  tcp_end made;
  if (at.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &at, sizeof v4);
    made.family = AF_INET;
    made.address[0] = v4.sin_addr.s_addr;
    made.port = v4.sin_port;
    made.is_loopback = (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
    return made;
  }
  if (at.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &at, sizeof v6);
    made.family = AF_INET6;
    std::memcpy(made.address, &v6.sin6_addr, sizeof v6.sin6_addr);
    made.port = v6.sin6_port;
    made.is_loopback = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    return made;
  }
  return std::nullopt;
}

struct question {
  nlmsghdr head;
  inet_diag_req_v2 request;
};

/// The socket that is bound to `from` and connected to `to`: one, not a dump of all.
std::optional<uid_t> owner_of(const tcp_end& from, const tcp_end& to) {
  const descriptor kernel(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!kernel) return std::nullopt;
  question asked{};
  asked.head.nlmsg_len = sizeof asked;
  asked.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  asked.head.nlmsg_flags = NLM_F_REQUEST;
  asked.request.sdiag_family = from.family;
  asked.request.sdiag_protocol = IPPROTO_TCP;
  asked.request.idiag_states = ~std::uint32_t{0};
  asked.request.id.idiag_sport = from.port;
  asked.request.id.idiag_dport = to.port;
  std::memcpy(asked.request.id.idiag_src, from.address, sizeof from.address);
  std::memcpy(asked.request.id.idiag_dst, to.address, sizeof to.address);
  asked.request.id.idiag_cookie[0] = asked.request.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  if (::send(kernel.get(), &asked, sizeof asked, 0) != static_cast<ssize_t>(sizeof asked)) return std::nullopt;

  alignas(nlmsghdr) char answer[4096];
  const auto got = ::recv(kernel.get(), answer, sizeof answer, MSG_DONTWAIT);
  struct {
    nlmsghdr head;
    inet_diag_msg of;
  } told{};
  if (got < static_cast<ssize_t>(sizeof told)) return std::nullopt;
  std::memcpy(&told, answer, sizeof told);
  if (told.head.nlmsg_type != SOCK_DIAG_BY_FAMILY || told.of.id.idiag_sport != from.port) return std::nullopt;
  return told.of.idiag_uid;
}

}  // namespace

std::optional<uid_t> owner_of_peer(int socket) {
  sockaddr_storage ours{}, theirs{};
  socklen_t ours_size = sizeof ours, theirs_size = sizeof theirs;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&ours), &ours_size) != 0) return std::nullopt;
  if (ours.ss_family == AF_UNIX) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
    return peer.uid;
  }
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&theirs), &theirs_size) != 0) return std::nullopt;
  const auto to = end_of(ours);
  const auto from = end_of(theirs);
  if (!to || !from || !from->is_loopback) return std::nullopt;
  return owner_of(*from, *to);
}

}  // namespace tasks::cli
