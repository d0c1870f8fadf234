#include "linux/descriptors.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "linux/proc.hpp"

namespace tasks::cli {
namespace {

constexpr std::string_view tcp_listens = "0A";

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

const endpoint& descriptor_table::at(std::uint32_t fd) {
  auto [entry, is_new] = known_.try_emplace(fd);
  auto& found = entry->second;
  if (!is_new) return found;
  const auto path = fmt::format("/proc/{}/fd/{}", pid_, fd);
  const auto link = read_link(path.c_str());
  if (!link) return found;
  constexpr std::string_view socket = "socket:[";
  if (link->starts_with(socket)) {
    found.is = endpoint::kind::socket;
    if (!sockets_read_) read_sockets();
    std::uint64_t inode = 0;
    if (parse(std::string_view(*link).substr(socket.size(), link->size() - socket.size() - 1), inode, 10)) {
      if (const auto socket_found = sockets_.find(inode); socket_found != sockets_.end()) found = socket_found->second;
    }
  } else if (link->starts_with("pipe:[")) {
    found = {endpoint::kind::pipe, "pipe"};
  } else if (link->starts_with('/')) {
    struct stat st {};
    if (::stat(path.c_str(), &st) == 0 && S_ISFIFO(st.st_mode)) {
      found.is = endpoint::kind::pipe;
    } else if (S_ISREG(st.st_mode)) {
      found.is = endpoint::kind::file;
    }
    found.peer = *link;
  }
  return found;
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
      const bool listens = fields[3] == tcp_listens;
      const bool remote = !listens && !fields[2].ends_with(":0000");
      endpoint found{endpoint::kind::socket, parse_address(fields[remote ? 2 : 1]), parse_queues(fields[4]), listens};
      sockets_.emplace(inode, std::move(found));
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

void descriptor_table::read_unix_sockets() {
  const auto text = read_file(fmt::format("/proc/{}/net/unix", pid_).c_str());
  if (!text) return;
  for (std::string_view rest = *text; !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    std::array<std::string_view, 8> fields;
    std::uint64_t inode = 0;
    if (split(rest.substr(0, end), fields) == fields.size() && parse(fields[6], inode, 10)) {
      sockets_.emplace(inode, endpoint{endpoint::kind::socket, std::string(fields[7])});
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

}  // namespace tasks::cli
