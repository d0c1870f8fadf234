#include "support/fake_agent.hpp"

#include <fcntl.h>
#include <google/protobuf/util/delimited_message_util.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <thread>
#include <utility>

#include "support/program.hpp"

extern "C" {
[[gnu::visibility("hidden")]] extern tasks::layout::root tasks_fake_root;
}

namespace tasks::testing {
namespace {

using manner = fake_agent::manner;

/// Of whom looks are counted, and how many there were.
struct shared_count {
  std::atomic<pid_t> reader{-1};
  std::atomic<std::uint64_t> looks{0};
};

/// Field 4 of /proc/PID/stat.
pid_t parent_of(pid_t pid) {
  char text[1024] = {};
  const int fd = ::open(("/proc/" + std::to_string(pid) + "/stat").c_str(), O_RDONLY | O_CLOEXEC);
  const auto size = ::read(fd, text, sizeof text - 1);
  ::close(fd);
  const char* const name_end = size > 0 ? std::strrchr(text, ')') : nullptr;
  return name_end ? static_cast<pid_t>(std::strtol(name_end + 4, nullptr, 10)) : -1;
}

void count_look(int fd, shared_count& counted) {
  ucred peer{};
  socklen_t size = sizeof peer;
  const pid_t reader = counted.reader;
  if (reader <= 0 || ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
  if (peer.pid == reader || parent_of(peer.pid) == reader) ++counted.looks;
}

/// Field 22 of /proc/self/stat.
std::uint64_t own_start_time() {
  char text[1024] = {};
  const int fd = ::open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  const auto size = ::read(fd, text, sizeof text - 1);
  ::close(fd);
  if (size <= 0) return 0;
  const char* p = std::strrchr(text, ')');
  for (int field = 2; p && field < 22; ++field) p = std::strchr(p + 1, ' ');
  return p ? std::strtoull(p + 1, nullptr, 10) : 0;
}

bool send_all(int fd, const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const auto n = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += static_cast<std::size_t>(n);
  }
  return true;
}

bool send_part(int fd, const v1::Response& part) {
  std::string body, prefix;
  part.SerializeToString(&body);
  auto rest = body.size();
  for (; rest >= 0x80; rest >>= 7) prefix.push_back(static_cast<char>((rest & 0x7f) | 0x80));
  prefix.push_back(static_cast<char>(rest));
  return send_all(fd, prefix + body);
}

bool send_chunk(int fd, const v1::Chunk& chunk) {
  v1::Response part;
  *part.mutable_chunk() = chunk;
  return send_part(fd, part);
}

/// Reads one request; false at the end of the connection.
bool read_request(int fd, v1::Request& request) {
  std::uint64_t length = 0;
  for (unsigned shift = 0;; shift += 7) {
    unsigned char byte = 0;
    if (::recv(fd, &byte, 1, 0) != 1 || shift > 28) return false;
    length |= std::uint64_t{byte & 0x7fu} << shift;
    if (!(byte & 0x80)) break;
  }
  std::string body(length, '\0');
  if (length != 0 && ::recv(fd, body.data(), length, MSG_WAITALL) != static_cast<ssize_t>(length)) return false;
  return request.ParseFromString(body);
}

bool asks_for_running(const v1::StacksRequest& request) {
  return request.states_size() == 1 && request.states(0) == v1::Task::RUNNING;
}

bool send_generated(int fd, std::uint64_t count) {
  v1::Chunk chunk;
  constexpr const char* functions[] = {"awaitable<int> inner(chan &)", "awaitable<void> middle(chan &)",
                                       "awaitable<void> worker(std::shared_ptr<chan>)"};
  for (std::uint32_t i = 0; i < 3; ++i) {
    auto* location = chunk.add_locations();
    location->set_id(i + 1);
    location->set_function(functions[i]);
    location->set_file("/src/lab/pool.cpp");
    location->set_line(10 + i);
  }
  for (std::uint64_t id = 1; id <= count; ++id) {
    auto* task = chunk.add_tasks();
    task->set_id(id);
    task->set_parent(1);
    task->set_state(v1::Task::BLOCKED);
    task->mutable_wait()->set_kind(v1::Wait::CHANNEL_RECEIVE);
    task->mutable_wait()->set_object(0x7f0000001000);
    task->mutable_wait()->set_capacity(0);
    task->set_age_ms(12'000);
    task->set_resumes(3);
    task->set_version(id * 7);
    for (const std::uint32_t frame : {1u, 2u, 3u}) task->add_frames(frame);
    if (chunk.tasks_size() == 512) {
      if (!send_chunk(fd, chunk)) return false;
      chunk.Clear();
    }
  }
  return send_chunk(fd, chunk);
}

class server {
 public:
  server(const fake_agent::script& s, v1::Hello hello, shared_count& counted)
      : script_(s), hello_(std::move(hello)), counted_(counted) {}

  void serve(int fd) const {
    switch (script_.how) {
      case manner::accepts_nothing:
      case manner::says_nothing:
        return wait_for_end(fd);
      case manner::closes_at_once:
        return;
      case manner::sends_rubbish:
        send_all(fd, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        return wait_for_end(fd);
      case manner::sends_huge_length:
        send_all(fd, "\xff\xff\xff\xff\x07");
        return wait_for_end(fd);
      case manner::drips:
        return drip(fd);
      default:
        break;
    }
    if (script_.how != manner::answers_without_hello) {
      v1::Response hello;
      *hello.mutable_hello() = hello_;
      if (!send_part(fd, hello)) return;
    }
    if (script_.how == manner::greets_only) return wait_for_end(fd);
    if (script_.how == manner::hangs_up_soon) {
      const timeval patience{4, 0};
      ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    }
    bool is_asked = false;
    for (v1::Request request; read_request(fd, request);) {
      if (!std::exchange(is_asked, true)) count_look(fd, counted_);
      if (!answer(fd, request)) return;
    }
  }

 private:
  static void wait_for_end(int fd) {
    char byte;
    while (::recv(fd, &byte, 1, 0) > 0) {
    }
  }

  static void drip(int fd) {
    constexpr int period_ms = 20;
    for (bool sent = send_all(fd, "\xfa\x1f\x0a"); sent; sent = send_all(fd, "\x0a")) ::poll(nullptr, 0, period_ms);
  }

  static void flood(int fd) {
    v1::Response part;
    part.mutable_vitals()->set_tasks(1);
    while (send_part(fd, part)) {
    }
  }

  /// False: the connection is to be closed.
  bool answer(int fd, const v1::Request& request) const {
    v1::Response part;
    if (script_.how == manner::floods) flood(fd);
    if (script_.how == manner::refuses_protocol) {
      part.mutable_error()->set_code(v1::Error::NEWER_PROTOCOL);
      part.mutable_error()->set_message("only protocol 0");
      return send_part(fd, part);
    }
    if (request.has_vitals()) {
      *part.mutable_vitals() = script_.vitals;
      if (!send_part(fd, part) || !half_way()) return false;
      if (!request.vitals().counts_only()) {
        for (const auto& chunk : script_.channel_groups) send_chunk(fd, chunk);
      }
    } else if (!script_.echoes_request && asks_for_running(request.stacks())) {
      // What readers ask before they ask for what the user wants; it has nothing to do with the manner.
      for (auto chunk : script_.stacks) {
        auto& tasks = *chunk.mutable_tasks();
        tasks.erase(std::remove_if(tasks.begin(), tasks.end(),
                                   [](const v1::Task& task) { return task.state() != v1::Task::RUNNING; }),
                    tasks.end());
        send_chunk(fd, chunk);
      }
    } else {
      if (script_.echoes_request) {
        v1::Chunk echo;
        auto* task = echo.add_tasks();
        task->set_id(1);
        task->set_state(v1::Task::READY);
        task->set_name(request.stacks().ShortDebugString());
        for (const auto& label : request.stacks().labels()) (*task->mutable_labels())[label.key()] = label.value();
        for (const auto thread : request.stacks().threads())
          task->set_state(v1::Task::RUNNING), task->set_thread(thread);
        for (const auto waited : request.stacks().fds()) task->add_also()->set_fd(waited);
        if (!send_chunk(fd, echo)) return false;
      }
      for (const auto& chunk : request.stacks().grouped() ? script_.groups : script_.stacks) {
        if (!send_chunk(fd, chunk) || !half_way()) return false;
      }
      if (script_.generated_tasks != 0 && !send_generated(fd, script_.generated_tasks)) return false;
    }
    part.Clear();
    *part.mutable_trailer() = script_.trailer;
    return send_part(fd, part);
  }

  bool half_way() const {
    if (script_.how == manner::dies_half_way) ::_exit(0);
    return script_.how != manner::closes_half_way;
  }

  const fake_agent::script& script_;
  v1::Hello hello_;
  shared_count& counted_;
};

int listen_at(const std::string& path, int backlog) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (fd < 0 || path.size() >= sizeof address.sun_path) return -1;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, backlog) != 0) {
    return -1;
  }
  return fd;
}

/// The child: publishes its root, says so, and serves whoever connects until it is killed: every `tasks list` does that
/// some test runs meanwhile, as long as it takes.
[[noreturn]] void run_child(const fake_agent::script& s, const std::string& directory, int ready,
                            shared_count& counted) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::signal(SIGPIPE, SIG_IGN);
  const auto path = directory + "/" + std::to_string(::getpid());
  int listening = -1;
  if (s.listens) {
    listening = listen_at(path, s.how == manner::accepts_nothing ? 0 : 64);
    if (listening < 0) ::_exit(1);
  }
  auto& root = tasks_fake_root;
  root.start_time.store(own_start_time());
  root.agent.store(static_cast<std::uint32_t>(s.status));
  root.agent_errno.store(s.agent_errno);
  root.layout = s.layout;
  std::strncpy(root.socket_path, path.c_str(), sizeof root.socket_path - 1);
  root.pid.store(static_cast<std::uint32_t>(s.root_of_parent ? ::getppid() : ::getpid()));

  v1::Hello hello;
  hello.set_protocol(1);
  hello.set_pid(static_cast<std::uint32_t>(::getpid()));
  hello.set_start_time(own_start_time());
  hello.set_instance(1);
  hello.set_layout(layout::version);
  if (s.hello) hello = *s.hello;
  const server serves(s, hello, counted);

  if (::write(ready, "r", 1) != 1) ::_exit(1);
  ::close(ready);
  for (;;) {
    if (!s.listens || s.how == manner::accepts_nothing) {
      ::pause();
      continue;
    }
    const int fd = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    std::thread([&serves, fd] {
      serves.serve(fd);
      ::close(fd);
    }).detach();
  }
}

}  // namespace

struct fake_agent::counted_looks : shared_count {};

void fake_agent::count_looks_of(pid_t reader) noexcept { counted_->reader = reader; }
std::uint64_t fake_agent::looks() const noexcept { return counted_->looks; }

fake_agent::fake_agent(const script& what) {
  std::string directory = what.directory;
  if (directory.empty()) {
    char base[] = "/tmp/tasks-test-XXXXXX";
    if (!::mkdtemp(base)) throw std::runtime_error("mkdtemp failed");
    directory_ = base;
    directory = directory_ + "/tasks";
    ::mkdir(directory.c_str(), 0700);
  }
  void* const shared = ::mmap(nullptr, sizeof *counted_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) throw std::runtime_error("mmap failed");
  counted_ = new (shared) counted_looks;
  int ready[2];
  if (::pipe2(ready, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) {
    ::close(ready[0]);
    run_child(what, directory, ready[1], *counted_);
  }
  ::close(ready[1]);
  path_ = directory + "/" + pid_text();
  char byte = 0;
  pollfd waiting{ready[0], POLLIN, 0};
  const bool came = ::poll(&waiting, 1, static_cast<int>(std::chrono::milliseconds(guard).count())) > 0 &&
                    ::read(ready[0], &byte, 1) == 1;
  ::close(ready[0]);
  if (!came) {
    kill();
    throw std::runtime_error("the fake agent did not start");
  }
}

void fake_agent::kill() noexcept {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

fake_agent::~fake_agent() {
  kill();
  ::munmap(counted_, sizeof *counted_);
  ::unlink(path_.c_str());
  if (directory_.empty()) return;
  ::rmdir((directory_ + "/tasks").c_str());
  ::rmdir(directory_.c_str());
}

}  // namespace tasks::testing
