#include "serve/access.hpp"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "linux/proc.hpp"

namespace tasks::cli {
namespace {

constexpr std::size_t shortest_token = 16, longest_token = 4096;

/// Without its port; the brackets of an IPv6 address stay. Empty: it is no host.
std::string_view host_without_port(std::string_view host) {
  const auto end =
      host.starts_with('[') ? std::min(host.find(']'), host.size() - 1) + 1 : std::min(host.find(':'), host.size());
  const auto port = host.substr(end);
  const bool is_port = port.empty() || (port.front() == ':' && port.find_first_not_of("0123456789", 1) == port.npos);
  return is_port ? host.substr(0, end) : std::string_view();
}

bool is_address(const std::string& host) {
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return true;
  in6_addr v6{};
  return host.size() > 2 && host.front() == '[' && host.back() == ']' &&
         ::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6) == 1;
}

std::string lower(std::string_view text) {
  std::string made(text);
  std::transform(made.begin(), made.end(), made.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return made;
}

bool is_known(const access_rules& rules, std::string_view host) {
  const auto name = lower(host_without_port(host));
  return name == "localhost" || is_address(name) ||
         std::any_of(rules.hosts.begin(), rules.hosts.end(), [&](const auto& each) { return lower(each) == name; });
}

/// In a time that tells neither how much of it is right nor how long it is.
bool is_same_secret(std::string_view a, std::string_view b) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> of_a{}, of_b{};
  ::SHA256(reinterpret_cast<const unsigned char*>(a.data()), a.size(), of_a.data());
  ::SHA256(reinterpret_cast<const unsigned char*>(b.data()), b.size(), of_b.data());
  return ::CRYPTO_memcmp(of_a.data(), of_b.data(), of_a.size()) == 0;
}

std::optional<refusal> refuse_site(const access_rules& rules, const asked_access& asked) {
  if (!asked.host || asked.host->empty()) return refusal{400, "the request has no Host header", "HTTP/1.1 wants one"};
  if (!is_known(rules, *asked.host))
    return refusal{421, fmt::format("\"{}\" is no name of this server", *asked.host),
                   "ask by its address, or start it with --name " + std::string(host_without_port(*asked.host))};
  if (asked.origin) {
    const auto own = lower(*asked.host);
    const auto origin = lower(*asked.origin);
    if (origin != "http://" + own && origin != "https://" + own)
      return refusal{403, fmt::format("it is asked from another site, {}", *asked.origin), ""};
  }
  // A link to the page may stand anywhere; what the page asks for is asked by the page.
  const bool follows_link = asked.is_public && asked.mode == "navigate";
  if ((asked.site == "cross-site" || asked.site == "same-site") && !follows_link)
    return refusal{403, "it is asked from another site", "open it in a window of its own"};
  return std::nullopt;
}

std::optional<refusal> refuse_user(const access_rules& rules, const asked_access& asked) {
  if (asked.is_public) return std::nullopt;
  if (!rules.token.empty()) {
    constexpr std::string_view scheme = "bearer ";
    const std::string_view given = asked.authorization ? std::string_view(*asked.authorization) : std::string_view();
    if (lower(given.substr(0, scheme.size())) == scheme && is_same_secret(given.substr(scheme.size()), rules.token))
      return std::nullopt;
    return refusal{401, given.empty() ? "a token is needed" : "the token is not the right one",
                   "Authorization: Bearer TOKEN, of the file that --token-file names"};
  }
  if (asked.peer == rules.user || asked.peer == uid_t{0}) return std::nullopt;
  if (!asked.peer) return refusal{403, "it is not known which user asks", "start the server with --token-file"};
  return refusal{403, fmt::format("it is run by user {}, and user {} asks", rules.user, *asked.peer),
                 "start the server with --token-file for others"};
}

}  // namespace

std::optional<refusal> refuse(const access_rules& rules, const asked_access& asked) {
  const bool brings = asked.takes_recordings && asked.method == "POST";
  if (asked.method != "GET" && asked.method != "HEAD" && !brings)
    return refusal{405, fmt::format("nothing here is asked by {}", asked.method), "GET"};
  if (auto refused = refuse_site(rules, asked)) return refused;
  if (brings && !asked.has_mark)
    return refusal{403, "a recording is brought with a header that no page of another site can send",
                   "Tasks-Replay: 1"};
  return refuse_user(rules, asked);
}

result<std::string> read_token(const std::string& path) {
  const auto subject = "--token-file " + path;
  const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return error{error_code::usage, subject, ::strerror(errno), ""};
  struct stat about {};
  if (::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode))
    return error{error_code::usage, subject, "it is no regular file", ""};
  if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return error{error_code::usage, subject, "others may read it",
                 "a token has a file of its own: umask 077; openssl rand -hex 32 > FILE"};
  std::array<char, longest_token + 2> bytes{};
  const auto got = ::read(file.get(), bytes.data(), bytes.size());
  std::string_view text(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  text = text.substr(0, text.find_first_of("\r\n"));
  if (text.size() < shortest_token || text.size() > longest_token)
    return error{error_code::usage, subject,
                 fmt::format("its first line is the token, and has {} characters", text.size()),
                 fmt::format("at least {}: openssl rand -hex 32 > {}", shortest_token, path)};
  constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";
  if (text.find_first_not_of(allowed) != text.npos)
    return error{error_code::usage, subject, "a token has letters, digits and -._~+/= only",
                 "openssl rand -hex 32 > " + path};
  return std::string(text);
}

}  // namespace tasks::cli
