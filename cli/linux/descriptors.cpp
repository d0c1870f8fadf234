#include "linux/descriptors.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "descriptor.hpp"
#include "linux/proc.hpp"

namespace tasks::cli {
namespace {

// States of TCP sockets, as the kernel's include/net/tcp_states.h numbers them; others use 07 for "not connected".
constexpr std::string_view syn_sent = "02", listening = "0A";

/// Splits a line at spaces.
template <std::size_t N>
std::size_t split(std::string_view line, std::array<std::string_view, N>& fields) {
  std::size_t n = 0;
  while (n < N) {
    const auto begin = line.find_first_not_of(' ');
    if (begin == line.npos) break;
    const auto end = std::min(line.find(' ', begin), line.size());
    fields[n++] = line.substr(begin, end - begin);
    line.remove_prefix(end);
  }
  return n;
}

template <class T>
bool parse(std::string_view text, T& value, int base) {
  const auto [at, ec] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return ec == std::errc{} && at == text.data() + text.size();
}

/// What unix_diag says of a socket; see sock_diag(7).
struct unix_socket {
  std::uint32_t peer = 0;  ///< its inode; 0: none
  std::uint64_t receive = 0;
  bool shut_down = false;
};

std::optional<unix_socket> ask_kernel(std::uint32_t inode) {
  const descriptor kernel(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!kernel) return std::nullopt;
  struct {
    nlmsghdr head;
    unix_diag_req ask;
  } request{};
  request.head.nlmsg_len = sizeof request;
  request.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.head.nlmsg_flags = NLM_F_REQUEST;
  request.ask.sdiag_family = AF_UNIX;
  request.ask.udiag_states = ~0u;
  request.ask.udiag_ino = inode;
  request.ask.udiag_show = UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN;
  request.ask.udiag_cookie[0] = request.ask.udiag_cookie[1] = ~0u;
  if (::send(kernel.get(), &request, sizeof request, 0) != static_cast<ssize_t>(sizeof request)) return std::nullopt;
  alignas(nlmsghdr) char answer[4096];
  const auto size = ::recv(kernel.get(), answer, sizeof answer, MSG_DONTWAIT);
  if (size < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(unix_diag_msg)))) return std::nullopt;
  nlmsghdr head;
  std::memcpy(&head, answer, sizeof head);
  if (head.nlmsg_type != SOCK_DIAG_BY_FAMILY || head.nlmsg_len > static_cast<std::size_t>(size)) return std::nullopt;
  unix_socket found;
  for (std::size_t at = NLMSG_LENGTH(sizeof(unix_diag_msg)); at + sizeof(rtattr) <= head.nlmsg_len;) {
    rtattr attribute;
    std::memcpy(&attribute, answer + at, sizeof attribute);
    if (attribute.rta_len < sizeof attribute || at + attribute.rta_len > head.nlmsg_len) break;
    const char* value = answer + at + RTA_LENGTH(0);
    const auto length = attribute.rta_len - RTA_LENGTH(0);
    std::uint32_t word = 0;
    if (length >= sizeof word) std::memcpy(&word, value, sizeof word);
    if (attribute.rta_type == UNIX_DIAG_PEER) found.peer = word;
    if (attribute.rta_type == UNIX_DIAG_RQLEN) found.receive = word;  // the first of unix_diag_rqlen's two
    if (attribute.rta_type == UNIX_DIAG_SHUTDOWN && length >= 1) found.shut_down = *value != 0;
    at += RTA_ALIGN(attribute.rta_len);
  }
  return found;
}

/// Of "socket:[12345]"; nothing: it is no socket.
std::optional<std::uint64_t> socket_inode(std::string_view link) {
  constexpr std::string_view prefix = "socket:[";
  std::uint64_t inode = 0;
  if (!link.starts_with(prefix) || !link.ends_with(']')) return std::nullopt;
  if (!parse(link.substr(prefix.size(), link.size() - prefix.size() - 1), inode, 10)) return std::nullopt;
  return inode;
}

/// "eventfd" of "anon_inode:[eventfd]" or "anon_inode:eventfd".
std::string anonymous_name(std::string_view link) {
  link.remove_prefix(std::string_view("anon_inode:").size());
  if (link.starts_with('[')) link = link.substr(1, link.size() - 2);
  if (link == "eventpoll") return "epoll";
  return std::string(link);
}

}  // namespace

std::optional<endpoint::queues> parse_queues(std::string_view text) {
  const auto colon = std::min(text.find(':'), text.size());
  endpoint::queues found;
  if (!parse(text.substr(0, colon), found.send, 16)) return std::nullopt;
  if (!parse(text.substr(std::min(colon + 1, text.size())), found.receive, 16)) return std::nullopt;
  return found;
}

std::string parse_address(std::string_view text) {
  const auto colon = text.rfind(':');
  unsigned port = 0;
  if (colon == text.npos || !parse(text.substr(colon + 1), port, 16)) return {};
  const auto address = text.substr(0, colon);
  if (address.size() != 8 && address.size() != 32) return {};
  // Words of four bytes in network order, each printed as a number of this machine.
  std::array<unsigned char, 16> bytes{};
  for (std::size_t word = 0; word < address.size() / 8; ++word) {
    std::uint32_t value = 0;
    if (!parse(address.substr(word * 8, 8), value, 16)) return {};
    std::memcpy(bytes.data() + word * 4, &value, 4);
  }
  char printed[INET6_ADDRSTRLEN] = {};
  if (address.size() == 8) {
    ::inet_ntop(AF_INET, bytes.data(), printed, sizeof printed);
    return fmt::format("{}:{}", printed, port);
  }
  ::inet_ntop(AF_INET6, bytes.data(), printed, sizeof printed);
  return fmt::format("[{}]:{}", printed, port);
}

descriptor_table::descriptor_table(pid_t pid) : pid_(living_thread(pid)) {}

const endpoint& descriptor_table::at(std::uint32_t fd) {
  auto [entry, is_new] = known_.try_emplace(fd);
  auto& found = entry->second;
  if (!is_new) return found;
  const auto path = fmt::format("/proc/{}/fd/{}", pid_, fd);
  const auto link = read_link(path.c_str());
  if (!link) return found;
  if (const auto inode = socket_inode(*link)) {
    found = socket_of(*inode);
  } else if (link->starts_with("pipe:[")) {
    found.is = endpoint::kind::pipe;
    found.name = "pipe";
  } else if (link->starts_with("anon_inode:")) {
    found.is = endpoint::kind::other;
    found.name = anonymous_name(*link);
  } else if (link->starts_with('/')) {
    struct stat st {};
    if (::stat(path.c_str(), &st) == 0 && S_ISFIFO(st.st_mode)) {
      found.is = endpoint::kind::pipe;
      found.name = "pipe";
    } else if (S_ISREG(st.st_mode)) {
      found.is = endpoint::kind::file;
    }
    found.peer = *link;
  }
  return found;
}

endpoint descriptor_table::socket_of(std::uint64_t inode) {
  if (!sockets_read_) read_sockets();
  endpoint found{.is = endpoint::kind::socket, .name = {}};
  if (const auto known = sockets_.find(inode); known != sockets_.end()) found = known->second;
  if (found.name == "unix") add_unix_peer(inode, found);
  return found;
}

/// The kernel answers for our own network namespace only.
void descriptor_table::add_unix_peer(std::uint64_t inode, endpoint& to) const {
  if (inode > UINT32_MAX || read_link("/proc/self/ns/net") != read_link(fmt::format("/proc/{}/ns/net", pid_).c_str()))
    return;
  const auto socket = ask_kernel(static_cast<std::uint32_t>(inode));
  if (!socket) return;
  to.shut_down = socket->shut_down;
  to.waiting = {socket->receive, 0};
  if (to.listens || socket->peer == 0) return;
  if (const auto peer = sockets_.find(socket->peer); peer != sockets_.end()) to.peer = peer->second.local;
  if (to.peer.empty()) to.peer = own_descriptor_of(socket->peer);
}

/// "fd 9" where the process itself has that socket; else empty.
std::string descriptor_table::own_descriptor_of(std::uint64_t inode) const {
  const auto folder = fmt::format("/proc/{}/fd", pid_);
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const auto link = read_link(it->path().c_str());
    if (link && socket_inode(*link) == inode) return "fd " + it->path().filename().string();
  }
  return {};
}

void descriptor_table::read_sockets() {
  sockets_read_ = true;
  for (const char* table : {"tcp", "tcp6", "udp", "udp6"}) read_internet_sockets(table);
  read_unix_sockets();
}

void descriptor_table::read_internet_sockets(const char* table) {
  // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …, in the target's network namespace.
  const auto text = read_file(fmt::format("/proc/{}/net/{}", pid_, table).c_str());
  if (!text) return;
  for (std::string_view rest = *text; !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    std::array<std::string_view, 10> fields;
    std::uint64_t inode = 0;
    if (split(rest.substr(0, end), fields) == fields.size() && parse(fields[9], inode, 10)) {
      endpoint found{.is = endpoint::kind::socket, .name = std::string(table).substr(0, 3)};
      found.local = parse_address(fields[1]);
      found.listens = found.name == "tcp" && fields[3] == listening;
      found.connects = found.name == "tcp" && fields[3] == syn_sent;
      if (!found.listens && !fields[2].ends_with(":0000")) found.peer = parse_address(fields[2]);
      found.waiting = parse_queues(fields[4]);
      sockets_.emplace(inode, std::move(found));
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

void descriptor_table::read_unix_sockets() {
  // Num RefCount Protocol Flags Type St Inode, and Path where it has one.
  const auto text = read_file(fmt::format("/proc/{}/net/unix", pid_).c_str());
  if (!text) return;
  constexpr unsigned long accepts_connections = 1ul << 16;  // the kernel's __SO_ACCEPTCON
  for (std::string_view rest = *text; !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    std::array<std::string_view, 8> fields;
    std::uint64_t inode = 0;
    unsigned long flags = 0;
    if (split(rest.substr(0, end), fields) >= 7 && parse(fields[6], inode, 10) && parse(fields[3], flags, 16)) {
      endpoint found{.is = endpoint::kind::socket, .name = "unix"};
      found.local = fields[7];
      found.listens = (flags & accepts_connections) != 0;
      sockets_.emplace(inode, std::move(found));
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

}  // namespace tasks::cli
