#include "support/agent_client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace tasks::testing {

temporary_directory::temporary_directory() {
  char name[] = "/tmp/tasks-test-XXXXXX";
  if (mkdtemp(name) == nullptr) throw std::system_error(errno, std::generic_category(), "mkdtemp");
  path_ = name;
}

temporary_directory::~temporary_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

agent_client::agent_client(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return;
  const int error = errno;
  close(fd_);
  throw std::system_error(error, std::generic_category(), path);
}

agent_client::~agent_client() {
  if (fd_ >= 0) close(fd_);
}

agent_client::agent_client(agent_client&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), unread_(std::move(other.unread_)) {}

/// Until so many bytes are there. False: the stream ended before.
bool agent_client::fill(std::size_t bytes) {
  while (unread_.size() < bytes) {
    pollfd ready{fd_, POLLIN, 0};
    const auto deadline = std::chrono::duration_cast<std::chrono::milliseconds>(guard).count();
    if (poll(&ready, 1, static_cast<int>(deadline)) == 0) throw std::runtime_error("the agent does not answer");
    char piece[65536];
    const auto got = read(fd_, piece, sizeof piece);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    unread_.append(piece, static_cast<std::size_t>(got));
  }
  return true;
}

std::optional<v1::Response> agent_client::receive() {
  std::uint64_t length = 0;
  std::size_t head = 0;
  for (bool more = true; more; ++head) {
    if (!fill(head + 1)) return std::nullopt;
    const auto byte = static_cast<unsigned char>(unread_[head]);
    length |= std::uint64_t{byte & 0x7fu} << (7 * head);
    more = byte >= 0x80;
  }
  if (!fill(head + length)) return std::nullopt;
  v1::Response response;
  if (!response.ParseFromArray(unread_.data() + head, static_cast<int>(length)))
    throw std::runtime_error("the agent's message is no Response");
  // Protobuf would write the same fields in as many bytes: nothing is redundant, unknown or padded.
  if (response.ByteSizeLong() != length) throw std::runtime_error("the agent's message is longer than need be");
  unread_.erase(0, head + length);
  return response;
}

v1::Hello agent_client::hello() {
  const auto first = receive();
  if (!first || !first->has_hello()) throw std::runtime_error("the agent does not say hello");
  return first->hello();
}

void agent_client::send_bytes(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return;  // it has hung up, which its answer, or the lack of it, will show
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string delimited(std::string_view message) {
  std::string text;
  auto length = message.size();
  for (; length >= 0x80; length >>= 7) text += static_cast<char>(length | 0x80);
  text += static_cast<char>(length);
  return text.append(message);
}

void agent_client::send(const v1::Request& request) { send_bytes(delimited(request.SerializeAsString())); }

answer agent_client::receive_answer() {
  answer result;
  while (auto response = receive()) {
    if (response->has_vitals()) result.vitals = response->vitals();
    if (response->has_chunk()) {
      ++result.chunks;
      result.largest_chunk = std::max(result.largest_chunk, response->ByteSizeLong());
      result.all.MergeFrom(response->chunk());
    }
    if (response->has_trailer()) result.trailer = response->trailer();
    if (response->has_error()) result.error = response->error();
    if (result.trailer || result.error) break;
  }
  return result;
}

answer agent_client::ask(const v1::Request& request) {
  send(request);
  return receive_answer();
}

answer ask(const std::string& path, const v1::Request& request) {
  agent_client client(path);
  client.hello();
  return client.ask(request);
}

std::string bare_name(std::string function) {
  constexpr std::string_view anonymous = "(anonymous namespace)::";  // clang's
  if (const auto at = function.find(anonymous); at != function.npos) function.erase(at, anonymous.size());
  function.resize(std::min(function.size(), function.find('(')));
  return function.substr(function.find_last_of(" :") + 1);
}

v1::Request vitals_request(bool counts_only) {
  v1::Request request;
  request.set_protocol(1);
  request.mutable_vitals()->set_counts_only(counts_only);
  return request;
}

v1::Request stacks_request(bool grouped) {
  v1::Request request;
  request.set_protocol(1);
  request.mutable_stacks()->set_grouped(grouped);
  return request;
}

}  // namespace tasks::testing
