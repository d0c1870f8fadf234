#include "sources/agent_connection.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "length_prefix.hpp"
#include "linux/process_ends.hpp"
#include "target/roots.hpp"

namespace tasks::cli {
namespace {

constexpr std::size_t first_buffer = 4096;
/// More than any agent sends in one part; a longer one is rubbish.
constexpr std::uint64_t max_part = 64 * 1024 * 1024;
constexpr std::size_t longest_length_prefix = 5;
/// What on_ready() reads before it lets its caller look at the time.
constexpr std::uint64_t most_at_once = 4 * 1024 * 1024;

/// All waiting for one answer may take so many times what one silence may, and longer the more has come.
constexpr int silences = 4;
constexpr std::uint64_t least_bytes_per_second = 64 * 1024;

/// What a greeting begins with: Response.hello or Response.error, and how long it may be.
constexpr char hello_tag = 0x0a, error_tag = 0x12;
constexpr std::uint64_t max_greeting = 4096;

error malformed(pid_t pid, std::string_view why) {
  return {error_code::malformed_answer, subject_of(pid), fmt::format("the answer is not one of an agent: {}", why),
          "something else listens on its socket, or the program is damaged"};
}

error from_agent(pid_t pid, const v1::Error& e) {
  const auto subject = subject_of(pid);
  if (e.code() == v1::Error::NEWER_PROTOCOL || e.code() == v1::Error::UNKNOWN_REQUEST) {
    return {error_code::protocol_mismatch, subject,
            fmt::format("its agent does not understand protocol {} of this tasks", protocol_version),
            "use the tasks of the release that the program was built with"};
  }
  if (e.code() == v1::Error::BUSY) {
    return {error_code::timed_out, subject, "its agent serves too many readers already", "try again later"};
  }
  return {error_code::malformed_answer, subject, fmt::format("its agent refused the request: {}", e.message()), ""};
}

}  // namespace

descriptor connect_to(const std::string& path, pid_t via) {
  const auto slash = path.rfind('/');
  if (slash == path.npos || slash == 0) {
    errno = ENOENT;
    return {};
  }
  auto short_path = via ? fmt::format("/proc/{}/root{}", living_thread(via), path) : path;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  descriptor directory;
  if (short_path.size() >= sizeof address.sun_path) {
    // A descriptor of the directory makes any path fit.
    directory =
        descriptor(::open(short_path.substr(0, short_path.rfind('/')).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return {};
    short_path = fmt::format("/proc/self/fd/{}/{}", directory.get(), path.substr(slash + 1));
  }
  if (short_path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return {};
  }
  std::memcpy(address.sun_path, short_path.c_str(), short_path.size() + 1);
  descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return {};
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
  return socket;
}

agent_connection::agent_connection(descriptor socket, identity expected)
    : socket_(std::move(socket)), expected_(expected) {}

void agent_connection::queue(const v1::Request& request) {
  detail::append_length_prefix(out_, request.ByteSizeLong());
  request.AppendToString(&out_);
}

void agent_connection::send(const v1::Request& request) {
  queue(request);
  flush();
}

void agent_connection::flush() {
  while (!out_.empty()) {
    const auto n = ::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    // The agent may have closed after saying why: what it said is still to be read.
    if (n < 0) out_.clear();
    if (n > 0) out_.erase(0, static_cast<std::size_t>(n));
  }
}

result<agent_connection::progress> agent_connection::on_ready(const part_handler& handler) {
  flush();
  // What came together with the answer before.
  if (begin_ != end_)
    if (auto parsed = parse(handler); !parsed || *parsed == progress::done) return parsed;
  const auto enough = bytes_read_ + most_at_once;
  for (;;) {
    if (begin_ == end_) begin_ = end_ = 0;
    if (in_.size() - end_ < in_.size() / 2 || in_.empty()) {
      std::memmove(in_.data(), in_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
      // Grows with what comes: most answers are small, and many agents may be asked at once.
      if (end_ >= in_.size() / 2) in_.resize(std::max(in_.size() * 2, first_buffer));
    }
    const auto n = ::recv(socket_.get(), in_.data() + end_, in_.size() - end_, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return progress::more;
    if (n <= 0) return progress::hung_up;
    end_ += static_cast<std::size_t>(n);
    bytes_read_ += static_cast<std::uint64_t>(n);
    auto parsed = parse(handler);
    if (!parsed || *parsed == progress::done) return parsed;
    // A short read has emptied the socket: asking again would only be told so.
    if (end_ < in_.size() || bytes_read_ >= enough) return progress::more;
  }
}

result<agent_connection::progress> agent_connection::parse(const part_handler& handler) {
  for (;;) {
    using detail::length_prefix;
    const auto [header, length, prefix] =
        detail::read_length_prefix({in_.data() + begin_, end_ - begin_}, longest_length_prefix);
    if (header == length_prefix::state::malformed || (header == length_prefix::state::complete && length > max_part)) {
      return malformed(expected_.pid, "a length that makes no sense");
    }
    if (!greeted_ && header == length_prefix::state::complete) {
      // Whatever else listens there is found out at its first bytes, not when it falls silent.
      const bool begins = end_ - begin_ > prefix;
      const char tag = begins ? in_[begin_ + prefix] : hello_tag;
      if (length == 0 || length > max_greeting || (tag != hello_tag && tag != error_tag)) {
        return malformed(expected_.pid, "no hello");
      }
    }
    if (header == length_prefix::state::incomplete || end_ - begin_ - prefix < length) {
      return progress::more;
    }
    arena_.Reset();
    auto* part = google::protobuf::Arena::CreateMessage<v1::Response>(&arena_);
    if (!part->ParseFromArray(in_.data() + begin_ + prefix, static_cast<int>(length))) {
      return malformed(expected_.pid, "a message that cannot be decoded");
    }
    begin_ += prefix + length;
    if (part->has_error()) return from_agent(expected_.pid, part->error());
    if (!greeted_) {
      if (!part->has_hello()) return malformed(expected_.pid, "no hello");
      hello_ = part->hello();
      if (auto believed = check(hello_); !believed) return believed.why();
      greeted_ = true;
      continue;
    }
    if (part->part_case() == v1::Response::PART_NOT_SET || part->has_hello()) {
      return malformed(expected_.pid, "a part of an unknown kind");
    }
    if (!handler(*part) || part->has_trailer()) return progress::done;
  }
}

result<void> agent_connection::check(const v1::Hello& hello) const {
  const auto subject = subject_of(expected_.pid);
  if (hello.protocol() == 0) return malformed(expected_.pid, "a hello without a protocol version");
  if (hello.protocol() < protocol_version) {
    return error{error_code::protocol_mismatch, subject,
                 fmt::format("its agent speaks protocol {}, this tasks speaks {}", hello.protocol(), protocol_version),
                 "use the tasks of the release that the program was built with"};
  }
  if (hello.pid() != static_cast<std::uint32_t>(expected_.inner_pid) || hello.start_time() != expected_.start_time) {
    return error{error_code::agent_gone, subject,
                 fmt::format("the agent is gone, and its socket answers for another process, {}", hello.pid()), ""};
  }
  return {};
}

error agent_connection::why_it_hung_up() const {
  const auto subject = subject_of(expected_.pid);
  const auto now = read_stat(expected_.pid);
  if (!now || now->start_time != expected_.start_time || process_has_ended(*now)) {
    return {error_code::agent_gone, subject, "the process ended while it was read", ""};
  }
  if (!greeted_) {
    const auto owner = owner_of(expected_.pid);
    if (owner && ::geteuid() != 0 && *owner != ::geteuid()) {
      return {error_code::permission_denied, subject, "permission denied by its agent", "run as its owner, or as root"};
    }
  }
  return {error_code::agent_gone, subject, "the agent is gone: it closed the connection before the answer was complete",
          "try again"};
}

error timed_out_error(pid_t pid, std::chrono::milliseconds timeout) {
  const auto seconds = static_cast<double>(timeout.count()) / 1000;
  return {error_code::timed_out, subject_of(pid), fmt::format("timed out: the agent sent nothing for {:g} s", seconds),
          "is the process stopped? --timeout waits longer"};
}

namespace {

using steady = std::chrono::steady_clock;

/// Until there is something to read, or to write where that is wanted. False: not by then.
bool wait_for(const agent_connection& connection, steady::time_point deadline) {
  pollfd waiting{connection.fd(), POLLIN, 0};
  if (connection.wants_to_write()) waiting.events |= POLLOUT;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady::now());
    const int n = ::poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (n >= 0 || errno != EINTR) return n > 0;
  }
}

error too_slow_error(pid_t pid, std::uint64_t bytes, steady::duration waited) {
  return {error_code::timed_out, subject_of(pid),
          fmt::format("timed out: the agent sent {} byte{} in {:.2g} s", bytes, bytes == 1 ? "" : "s",
                      std::chrono::duration<double>(waited).count()),
          "--timeout waits longer"};
}

}  // namespace

result<void> drive(agent_connection& connection, std::chrono::milliseconds timeout,
                   const agent_connection::part_handler& handler) {
  const auto before = connection.bytes_read();
  steady::duration waited{};
  for (;;) {
    const auto step = connection.on_ready(handler);
    if (!step) return step.why();
    if (*step == agent_connection::progress::done) return {};
    if (*step == agent_connection::progress::hung_up) {
      const auto pid = connection.expected().pid;
      wait_for_ends({&pid, 1}, steady::now() + longest_end);
      return connection.why_it_hung_up();
    }
    const auto bytes = connection.bytes_read() - before;
    const auto allowed = silences * timeout + std::chrono::seconds(bytes / least_bytes_per_second);
    if (waited > allowed) return too_slow_error(connection.expected().pid, bytes, waited);
    const auto began = steady::now();
    if (!wait_for(connection, began + timeout)) return timed_out_error(connection.expected().pid, timeout);
    waited += steady::now() - began;
  }
}

}  // namespace tasks::cli
