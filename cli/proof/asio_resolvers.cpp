#include "proof/asio_resolvers.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace tasks::cli {
namespace {

/// A service's own members lie behind {vtable, type, id, owner, next}: the context's scheduler, a mutex, and the
/// private scheduler or a pointer to it.
constexpr std::uint64_t owner_of_service = 24, to_context = 40, behind_context = 48, farthest_private = 120;
/// An operation's token lies behind {next, function, result} and its error, which is as large as std::error_code or
/// as Boost's.
constexpr std::array<std::uint64_t, 2> to_token = {40, 48};
/// From the token on: an addrinfo with the hints, two strings, and the context's scheduler; or an address, and that.
constexpr std::uint64_t to_hints = 16, to_host_name = 64, to_service_name = 96, behind_query = 128, behind_address = 48;
/// A string is {its text, size, capacity or a short text}.
constexpr std::uint64_t to_short_text = 16, most_text = 1024;

/// struct addrinfo, with addresses of the target's.
struct addrinfo_words {
  std::int32_t flags, family, type, protocol;
  std::uint32_t length;
  std::uint64_t address, name, next;
};

std::string address_text(const sockaddr_in6& from, std::string& port) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* address = &from.sin6_addr;
  sockaddr_in shorter{};
  if (from.sin6_family == AF_INET) {
    std::memcpy(&shorter, &from, sizeof shorter);
    address = &shorter.sin_addr;
  } else if (from.sin6_family != AF_INET6) {
    return {};
  }
  port = std::to_string(ntohs(from.sin6_port));  // at the same place in both
  return ::inet_ntop(from.sin6_family, address, text.data(), text.size()) == nullptr ? std::string() : text.data();
}

/// As Asio has set them, and getaddrinfo() is not to change.
bool are_hints(const addrinfo_words& hints) {
  return hints.length == 0 && hints.address == 0 && hints.name == 0 && hints.next == 0 &&
         (hints.family == AF_UNSPEC || hints.family == AF_INET || hints.family == AF_INET6);
}

}  // namespace

std::vector<resolver_service> asio_resolvers::beside(std::uint64_t scheduler) {
  std::vector<resolver_service> found;
  for (const auto service : schedulers_.services_beside(scheduler)) {
    const auto& type = schedulers_.type_of(service);
    if (type.find("6detail16resolver_serviceI") == std::string::npos &&
        type.find("6detail20resolver_thread_poolE") == std::string::npos)
      continue;
    if (word(service + to_context) != scheduler) continue;
    const auto owner = word(service + owner_of_service);
    std::unordered_set<std::uint64_t> its;  // one that is pointed to may lie right behind the service
    for (auto at = behind_context; at <= farthest_private; at += 8)
      for (const auto each : {service + at, word(service + at)})
        if (each != scheduler && schedulers_.is_scheduler(each) && word(each + owner_of_service) == owner)
          its.insert(each);
    if (its.size() == 1) found.push_back({scheduler, *its.begin()});
  }
  return found;
}

std::uint64_t asio_resolvers::token_of(std::uint64_t resolver) {
  const auto service = schedulers_.service_of(resolver);
  if (service == 0 || schedulers_.type_of(service).find("resolver_service") == std::string::npos) return 0;
  const auto token = from_.get<std::array<std::uint64_t, 2>>(resolver);
  return token && (*token)[0] == 0 ? (*token)[1] : 0;
}

std::optional<std::string> asio_resolvers::text_at(std::uint64_t address) const {
  const auto words = from_.get<std::array<std::uint64_t, 3>>(address);
  if (!words) return std::nullopt;
  const auto [text, size, capacity] = *words;
  const bool is_short = text == address + to_short_text;
  if (size > most_text || text == 0 || (is_short ? size >= 16 : capacity < size || capacity < 16)) return std::nullopt;
  std::string copied(size + 1, '\0');
  if (from_.read(text, copied.data(), copied.size()) != copied.size() || copied.find('\0') != size) return std::nullopt;
  return from_.string_at(text, size);
}

std::optional<lookup_operation> asio_resolvers::operation_at(std::uint64_t address, const resolver_service& of) const {
  const auto head = from_.get<std::array<std::uint64_t, 2>>(address);
  if (!head || address % 8 != 0 || !schedulers_.is_code((*head)[1])) return std::nullopt;
  for (const auto offset : to_token) {
    const auto token = from_.get<std::array<std::uint64_t, 2>>(address + offset);
    if (!token || (*token)[0] != 0 || (*token)[1] == 0 || (*token)[1] % 8 != 0) continue;
    lookup_operation found{.address = address, .function = (*head)[1], .token = (*token)[1], .host = {}, .service = {}};
    if (word(address + offset + behind_query) == of.of_context) {
      const auto hints = from_.get<addrinfo_words>(address + offset + to_hints);
      auto host = text_at(address + offset + to_host_name), service = text_at(address + offset + to_service_name);
      if (!hints || !are_hints(*hints) || !host || !service || (host->empty() && service->empty())) continue;
      found.host = *std::move(host);
      found.service = *std::move(service);
      found.to_handler = offset + behind_query + 8;
      return found;
    }
    if (word(address + offset + behind_address) == of.of_context) {
      const auto of_whom = from_.get<sockaddr_in6>(address + offset + to_hints);
      if (of_whom) found.host = address_text(*of_whom, found.service);
      if (found.host.empty()) continue;
      found.of_address = true;
      found.to_handler = offset + behind_address + 8;
      return found;
    }
  }
  return std::nullopt;
}

/// Whoever does a lookup needs its operation when that is done, so it is there; what else is there was left behind.
std::vector<lookup_operation> asio_resolvers::on_stack(const thread_registers& thread, const resolver_service& of,
                                                       const std::unordered_set<std::uint64_t>& queued) const {
  constexpr std::uint64_t most_stack = std::uint64_t{256} << 10;
  std::vector<lookup_operation> found;
  if (thread.stack_pointer < red_zone) return found;
  auto words = thread.general;
  const auto begin = (thread.stack_pointer - red_zone) & ~std::uint64_t{7};
  std::vector<std::uint64_t> stack(most_stack / 8);
  stack.resize(from_.read(begin, stack.data(), most_stack) / 8);
  words.insert(words.end(), stack.begin(), stack.end());
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  for (const auto address : words) {
    if (address % 8 != 0 || !schedulers_.is_writable(address) || queued.contains(address)) continue;
    // One that waits in a queue, or was given back to malloc or to Asio, begins otherwise.
    if (from_.get<std::uint64_t>(address) != 0) continue;
    if (auto its = operation_at(address, of)) found.push_back(*std::move(its));
  }
  return found;
}

}  // namespace tasks::cli
