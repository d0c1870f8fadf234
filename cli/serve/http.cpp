#include "serve/http.hpp"

#include <errno.h>
#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

namespace tasks::cli {
namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto slice = 50ms;                 ///< how often who waits for a client sees whether others need the thread
constexpr auto patience_in_a_crowd = 100ms;  ///< for a client that others wait behind, to ask, …
constexpr auto patience_to_take = 2s;        ///< … and to take its answer
constexpr auto time_to_ask = 10s;            ///< from a request's first byte to its last
constexpr auto time_between = 30s;           ///< from one request to the next
constexpr auto time_to_take = 10s;           ///< for a client to take anything of an answer, or send it of a body, …
constexpr auto time_to_leave = 1s;           ///< for a client to stop sending what nobody reads
constexpr std::size_t slowest = 16'384;      ///< … and so many bytes a second on the whole
constexpr std::size_t most_left = std::size_t{4} << 20;  ///< of what is sent to nobody
constexpr std::size_t worth_compressing = 1'024;
constexpr unsigned most_requests = 1'000;  ///< through one connection

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return lower(x) == lower(y);
  });
}

/// RFC 1952; empty where it fails.
std::string compressed(const std::string& text) {
  z_stream stream{};
  constexpr int fast = 2, with_gzip_header = 15 + 16, usual_memory = 8;
  if (::deflateInit2(&stream, fast, Z_DEFLATED, with_gzip_header, usual_memory, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string made(::deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(made.data());
  stream.avail_out = static_cast<uInt>(made.size());
  const bool done = ::deflate(&stream, Z_FINISH) == Z_STREAM_END;
  made.resize(done ? stream.total_out : 0);
  ::deflateEnd(&stream);
  return made;
}

/// Whether the server ends, and whether somebody waits for a thread.
struct server_state {
  std::atomic<bool> ends{false};
  std::atomic<std::size_t> queued{0};
  std::atomic<std::size_t> streams{0};
};

/// One connection, as cpp-httplib reads and writes it.
class connection final : public httplib::Stream {
 public:
  connection(int socket, const server_state& state, std::size_t most_bytes)
      : socket_(socket), state_(state), most_bytes_(most_bytes) {}

  /// True: a request has begun. False: none has for too long, or the client has gone.
  bool wait_for_request() {
    read_ = 0;
    is_answered_ = false;
    written_ = 0;
    turn_since_ = clock::now();
    deadline_ = turn_since_ + time_between;
    if (at_ == end_ && !fill()) return false;
    deadline_ = clock::now() + time_to_ask;
    return true;
  }

  [[nodiscard]] bool is_gone() const {
    pollfd end{socket_, POLLRDHUP, 0};
    return ::poll(&end, 1, 0) > 0 && (end.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
  }

  [[nodiscard]] bool is_readable() const override { return at_ != end_ || wait_for(POLLIN); }
  [[nodiscard]] bool is_writable() const override { return !is_gone(); }
  ssize_t read(char* to, std::size_t size) override {
    if (at_ == end_ && !fill()) return -1;
    const auto taken = std::min(size, end_ - at_);
    std::memcpy(to, buffer_.data() + at_, taken);
    at_ += taken;
    read_ += taken;
    return read_ > most_bytes_ ? -1 : static_cast<ssize_t>(taken);
  }
  ssize_t write(const char* from, std::size_t size) override {
    if (!std::exchange(is_answered_, true)) turn_since_ = clock::now();
    for (;;) {
      const auto sent = ::send(socket_, from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent >= 0) {
        written_ += static_cast<std::size_t>(sent);
        return sent;
      }
      if (errno == EINTR) continue;
      deadline_ = clock::now() + time_to_take;
      if (is_stream_)
        turn_since_ = clock::now();
      else
        deadline_ = std::min(deadline_, turn_since_ + time_to_take + std::chrono::seconds(written_ / slowest));
      if (errno != EAGAIN || !wait_for(POLLOUT)) return -1;
    }
  }
  /// A body of so many bytes. False: it has not come whole, or was not taken.
  bool receive(std::uint64_t left, const std::function<bool(std::string_view)>& take) {
    std::vector<char> piece(std::size_t{64} << 10);
    const auto begun = clock::now();
    std::uint64_t got = 0;
    while (left != 0) {
      std::string_view more(buffer_.data() + at_, static_cast<std::size_t>(std::min<std::uint64_t>(left, end_ - at_)));
      if (!more.empty()) {
        at_ += more.size();
      } else {
        const auto size = ::recv(socket_, piece.data(),
                                 static_cast<std::size_t>(std::min<std::uint64_t>(left, piece.size())), MSG_DONTWAIT);
        if (size == 0) return false;
        if (size < 0) {
          if (errno == EINTR) continue;
          if (errno != EAGAIN || !wait_for_body(begun, got)) return false;
          continue;
        }
        more = {piece.data(), static_cast<std::size_t>(size)};
      }
      left -= more.size();
      got += more.size();
      if (!take(more)) return false;
    }
    is_answered_ = false;
    return true;
  }
  /// To be called before it is closed where something may still come: what nobody has read would have the kernel take
  /// the answer back.
  void leave() {
    ::shutdown(socket_, SHUT_WR);
    is_answered_ = false;
    turn_since_ = clock::now();
    deadline_ = turn_since_ + time_to_leave;
    std::size_t left = most_left;
    do left -= std::min(left, end_ - at_);
    while (left != 0 && fill());
  }
  /// It is we who are slow to say something, and not the client to take it.
  void begin_stream() { is_stream_ = true; }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  /// It would be refused where it is above what select(2) can do, by which nothing waits here.
  [[nodiscard]] socket_t socket() const override { return 0; }

  [[nodiscard]] int fd() const noexcept { return socket_; }

 private:
  /// For a client to send more of a body, as long as it would get for taking as much of an answer.
  bool wait_for_body(clock::time_point begun, std::uint64_t got) {
    is_answered_ = true;
    turn_since_ = clock::now();
    deadline_ = std::min(turn_since_ + time_to_take, begun + time_to_take + std::chrono::seconds(got / slowest));
    return wait_for(POLLIN);
  }

  bool fill() {
    for (;;) {
      const auto got = ::recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (got > 0) {
        at_ = 0;
        end_ = static_cast<std::size_t>(got);
        return true;
      }
      if (got == 0) return false;
      if (errno == EINTR) continue;
      if (errno != EAGAIN || !wait_for(POLLIN)) return false;
    }
  }

  /// Until the deadline, or until others need the thread more.
  [[nodiscard]] bool wait_for(short what) const {
    for (;;) {
      pollfd ready{socket_, what, 0};
      if (const int got = ::poll(&ready, 1, static_cast<int>(slice.count())); got > 0) return true;
      const auto now = clock::now();
      if (now >= deadline_ || state_.ends) return false;
      const clock::duration patience = is_answered_ ? patience_to_take : patience_in_a_crowd;
      if (state_.queued != 0 && now - turn_since_ >= patience) return false;
    }
  }

  int socket_;
  const server_state& state_;
  std::size_t most_bytes_;
  std::array<char, 4096> buffer_;
  std::size_t at_ = 0, end_ = 0;  ///< of what was received and not read
  std::size_t read_ = 0;          ///< of this request
  std::size_t written_ = 0;       ///< of its answer
  bool is_answered_ = false;      ///< the first byte was written
  bool is_stream_ = false;
  clock::time_point turn_since_;  ///< since when it is the client's turn
  clock::time_point deadline_;
};

/// Threads that begin when they are needed.
class thread_crowd final : public httplib::TaskQueue {
 public:
  thread_crowd(const http_limits& limits, server_state& state) : limits_(limits), state_(state) {}

  /// Set while a connection is ended, and not answered.
  static thread_local bool refuses;

  void enqueue(std::function<void()> serve) override {
    std::function<void()> refused;
    {
      const std::lock_guard hold(mutex_);
      waiting_.push_back(std::move(serve));
      if (idle_ < waiting_.size() && threads_.size() < limits_.threads) begin_thread();
      if (waiting_.size() > limits_.waiting) {
        refused = std::move(waiting_.front());
        waiting_.pop_front();
      }
      count();
    }
    changed_.notify_one();
    if (!refused) return;
    refuses = true;
    refused();
    refuses = false;
  }

  void shutdown() override {
    {
      const std::lock_guard hold(mutex_);
      ends_ = true;
    }
    changed_.notify_all();
    for (auto& each : threads_) each.join();
    threads_.clear();
  }

 private:
  /// That there is none more is no reason to end: the others go on.
  void begin_thread() {
    try {
      threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
    }
  }

  void work() {
    std::unique_lock hold(mutex_);
    for (;;) {
      ++idle_;
      changed_.wait(hold, [this] { return ends_ || !waiting_.empty(); });
      --idle_;
      if (waiting_.empty()) return;
      const auto serve = std::move(waiting_.front());
      waiting_.pop_front();
      count();
      hold.unlock();
      serve();
      hold.lock();
    }
  }

  /// Those that an idle thread takes in a moment do not wait.
  void count() { state_.queued = waiting_.size() - std::min(waiting_.size(), idle_); }

  const http_limits& limits_;
  server_state& state_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool ends_ = false;
};

thread_local bool thread_crowd::refuses = false;

/// Nothing: there is none, it says so in pieces (chunked), or twice.
std::optional<std::uint64_t> body_bytes_of(const httplib::Request& request) {
  if (request.has_header("Transfer-Encoding") || request.get_header_value_count("Content-Length") != 1)
    return std::nullopt;
  const auto text = request.get_header_value("Content-Length");
  std::uint64_t size = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (wrong != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return size;
}

}  // namespace

std::optional<std::string> http_request::header(std::string_view name) const {
  std::optional<std::string> found;
  for (const auto& [key, value] : headers) {
    if (!same_name(key, name)) continue;
    found = found ? *found + ", " + value : value;
  }
  return found;
}

std::optional<std::string> http_request::parameter(std::string_view name) const {
  for (const auto& [key, value] : query)
    if (key == name) return value;
  return std::nullopt;
}

http_answer text_answer(int status, std::string_view type, std::string body) {
  http_answer made;
  made.status = status;
  made.type = type;
  made.body = std::make_shared<const std::string>(std::move(body));
  return made;
}

class http_server::gate final : public httplib::Server {
 public:
  gate(int socket, handler answer, const http_limits& limits) : limits_(limits), answer_(std::move(answer)) {
    svr_sock_ = socket;
    listening_ = socket;
    new_task_queue = [this] { return new thread_crowd(limits_, state_); };
    // A socket that systemd has made stays as it is when we end: so nobody wakes accept(2), and nobody has to.
    set_idle_interval(0, 200'000);
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& to) {
      respond(request, to);
      return HandlerResponse::Handled;
    });
  }
  ~gate() override { ::close(listening_); }

  void end() {
    state_.ends = true;
    svr_sock_ = INVALID_SOCKET;
  }

 private:
  bool process_and_close_socket(socket_t socket) override {
    if (thread_crowd::refuses) {
      constexpr std::string_view busy =
          "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
      static_cast<void>(::send(socket, busy.data(), busy.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
    } else {
      connection from(socket, state_, limits_.request_bytes);
      current_ = &from;
      for (unsigned left = most_requests; left != 0 && !state_.ends && from.wait_for_request(); --left) {
        bool closed = false, was_understood = false;
        const auto served = process_request(from, left == 1, closed, [&was_understood](httplib::Request& request) {
          was_understood = true;
          request.ranges.clear();  // a few kilobytes of ranges may ask for the same bytes a thousand times
        });
        // Behind what was no request there is none.
        if (!served || closed || !was_understood || must_close_) break;
      }
      if (std::exchange(must_close_, false)) from.leave();
      current_ = nullptr;
    }
    ::shutdown(socket, SHUT_RDWR);
    ::close(socket);
    return true;
  }

  void respond(const httplib::Request& request, httplib::Response& to) {
    auto& from = *current_;
    // A body is read by nobody but who asks for it: what is behind it is no request.
    must_close_ = request.has_header("Content-Length") || request.has_header("Transfer-Encoding");
    http_request asked;
    asked.method = request.method;
    asked.path = request.path;
    asked.query.assign(request.params.begin(), request.params.end());
    for (const auto& [name, value] : request.headers)
      if (name != "REMOTE_ADDR" && name != "REMOTE_PORT" && name != "LOCAL_ADDR" && name != "LOCAL_PORT")
        asked.headers.emplace_back(name, value);
    asked.socket = from.fd();
    asked.body_bytes = body_bytes_of(request);
    if (asked.body_bytes)
      asked.receive_body = [&from, size = *asked.body_bytes](const auto& take) { return from.receive(size, take); };
    asked.is_wanted = [this, &from] { return !state_.ends && !from.is_gone(); };
    auto made = answer_(asked);
    if (made.next && ++state_.streams > limits_.streams) {
      --state_.streams;
      made = text_answer(503, "text/plain; charset=utf-8", "too many streams of events at once\n");
      made.headers.emplace_back("Retry-After", "5");
    }
    to.status = made.status;
    for (auto& [name, value] : made.headers) to.set_header(name, value);
    if (must_close_) to.set_header("Connection", "close");
    if (made.next)
      send_stream(std::move(made), from, to);
    else
      send_body(std::move(made), asked, to);
  }

  void send_stream(http_answer made, connection& from, httplib::Response& to) {
    from.begin_stream();
    to.set_header("X-Accel-Buffering", "no");
    to.set_content_provider(
        made.type,
        [this, next = std::move(made.next)](std::size_t, httplib::DataSink& sink) {
          std::string more;
          if (state_.ends || !next(more)) {
            sink.done();
            return true;
          }
          return sink.write(more.data(), more.size());
        },
        [this](bool) { --state_.streams; });
    must_close_ = true;
    to.set_header("Connection", "close");
  }

  /// Not by cpp-httplib's own compression, which takes seconds for a megabyte where a client knows brotli.
  static void send_body(http_answer made, const http_request& asked, httplib::Response& to) {
    if (!made.body || made.body->empty()) {
      to.set_content(std::string(), made.type);
      return;
    }
    const auto accepted = asked.header("Accept-Encoding");
    const bool may_compress = accepted && accepted->find("gzip") != std::string::npos;
    if (!made.is_gzip && may_compress && made.body->size() >= worth_compressing &&
        made.type.find("octet-stream") == std::string::npos) {
      if (auto smaller = compressed(*made.body); !smaller.empty()) {
        made.body = std::make_shared<const std::string>(std::move(smaller));
        made.is_gzip = true;
      }
    }
    if (made.is_gzip) to.set_header("Content-Encoding", "gzip");
    to.set_header("Vary", "Accept-Encoding");
    const auto size = made.body->size();
    to.set_content_provider(size, made.type,
                            [body = std::move(made.body)](std::size_t at, std::size_t length, httplib::DataSink& sink) {
                              return sink.write(body->data() + at, length);
                            });
  }

  const http_limits limits_;
  handler answer_;
  server_state state_;
  int listening_ = -1;
  static thread_local connection* current_;
  static thread_local bool must_close_;
};

thread_local connection* http_server::gate::current_ = nullptr;
thread_local bool http_server::gate::must_close_ = false;

http_server::http_server(int socket, handler answer, const http_limits& limits)
    : gate_(std::make_unique<gate>(socket, std::move(answer), limits)) {}
http_server::~http_server() = default;
void http_server::run() { gate_->listen_after_bind(); }
void http_server::stop() { gate_->end(); }

}  // namespace tasks::cli
