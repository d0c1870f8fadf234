/// A program that counts what a look may do to it: system calls that end with EINTR, by call, and signals that do not
/// come. A thread for each call sleeps in it, and calls again; `ticks` wakes every few milliseconds; `signals` gets one
/// signal after the other, each with its number, and is told so by `sends`. Of two tasks one waits on a channel that
/// nothing leads to, the other on one that data leads to. With `spin` as its argument a thread computes as well. At
/// SIGUSR1 it executes itself anew as `another`, whose task has another name, with `executes` as its argument; it ends
/// with `ends`; with `vforks` the main thread waits for a child that has its memory until standard input closes.
///
/// Prints `ready`, answers each line with `counts CALL=N … received=N lost=N`, and ends when its standard input closes.

#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <asio.hpp>
#include <asio/experimental/channel.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace interruptions {

constexpr timespec long_time{3600, 0}, short_time{0, 3'000'000};

struct call_count {
  const char* name;
  std::atomic<int> interrupted{0};
};
std::deque<call_count> calls;  ///< complete before anybody asks

/// A thread of that name that calls over and over.
template <class Call>
void for_ever(const char* name, Call call) {
  auto& count = calls.emplace_back(name);
  std::thread([&count, call]() mutable {
    ::pthread_setname_np(::pthread_self(), count.name);
    for (;;)
      if (call() < 0 && errno == EINTR) ++count.interrupted;
  }).detach();
}

/// A thread that has one of its two ends.
int socket_of_pair(bool with_time_out) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) std::abort();
  const timeval time{3600, 0};
  if (with_time_out) ::setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  return pair[0];
}

int listener() {
  const int made = ::socket(AF_INET, SOCK_STREAM, 0);
  if (::listen(made, 1) != 0) std::abort();
  return made;
}

long wait_on(std::uint32_t& word, const timespec* time) {
  return ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, time, nullptr, 0);
}

void start_sleepers() {
  static std::array<std::uint32_t, 2> words{};
  static int pipe_ends[2];
  if (::pipe(pipe_ends) != 0) std::abort();
  sigset_t rare;
  ::sigemptyset(&rare);
  ::sigaddset(&rare, SIGUSR2);
  for_ever("nanosleep", [] { return ::nanosleep(&long_time, nullptr); });
  for_ever("ticks", [] { return ::nanosleep(&short_time, nullptr); });
  for_ever("read", [] {
    char byte;
    return ::read(pipe_ends[0], &byte, 1);
  });
  for_ever("eventfd", [fd = ::eventfd(0, 0)] {
    std::uint64_t count;
    return ::read(fd, &count, sizeof count);
  });
  for_ever("futex", [] { return wait_on(words[0], nullptr); });
  for_ever("futex_timed", [] { return wait_on(words[1], &long_time); });
  for_ever("accept", [fd = listener()] { return ::accept(fd, nullptr, nullptr); });
  for_ever("poll", [] { return ::poll(nullptr, 0, -1); });
  for_ever("poll_timed", [] { return ::poll(nullptr, 0, 3'600'000); });
  for_ever("select", [] { return ::select(0, nullptr, nullptr, nullptr, nullptr); });
  for_ever("recv", [fd = socket_of_pair(false)] {
    char byte;
    return ::recv(fd, &byte, 1, 0);
  });
  for_ever("recv_timed", [fd = socket_of_pair(true)] {
    char byte;
    return ::recv(fd, &byte, 1, 0);
  });
  for_ever("epoll_wait", [fd = ::epoll_create1(0)] {
    epoll_event event;
    return ::epoll_wait(fd, &event, 1, -1);
  });
  for_ever("epoll_timed", [fd = ::epoll_create1(0)] {
    epoll_event event;
    return ::epoll_wait(fd, &event, 1, 3'600'000);
  });
  for_ever("sigwaitinfo", [rare] { return ::sigwaitinfo(&rare, nullptr); });
  for_ever("sigtimedwait", [rare] { return ::sigtimedwait(&rare, nullptr, &long_time); });
}

std::atomic<int> next_number{0}, lost{0};

void receive(int, siginfo_t* info, void*) {
  const int number = info->si_value.sival_int;
  lost += number - next_number;
  next_number = number + 1;
}

void start_signals() {
  struct sigaction on_number {};
  on_number.sa_sigaction = receive;
  on_number.sa_flags = SA_SIGINFO;
  ::sigaction(SIGRTMIN, &on_number, nullptr);
  std::thread receiver([] {
    ::pthread_setname_np(::pthread_self(), "signals");
    sigset_t numbers;
    ::sigemptyset(&numbers);
    ::sigaddset(&numbers, SIGRTMIN);
    ::pthread_sigmask(SIG_UNBLOCK, &numbers, nullptr);
    for (;;) ::pause();
  });
  // Some are always on their way, so that one that is lost shows when the next comes.
  for_ever("sends", [to = receiver.native_handle(), sent = 0]() mutable {
    constexpr int most_under_way = 8;
    if (sent - next_number < most_under_way) {
      sigval value{};
      value.sival_int = sent;
      if (::pthread_sigqueue(to, SIGRTMIN, value) == 0) ++sent;
    }
    const timespec moment{0, 300'000};
    return ::nanosleep(&moment, nullptr);
  });
  receiver.detach();
}

using channel = asio::experimental::channel<void(asio::error_code, int)>;

asio::awaitable<void> wait_for_nobody(std::shared_ptr<channel> nobody) {
  co_await nobody->async_receive(asio::use_awaitable);
}
asio::awaitable<void> wait_for_another(std::shared_ptr<channel> nobody) {
  co_await nobody->async_receive(asio::use_awaitable);
}
asio::awaitable<void> wait_for_data(channel& held) { co_await held.async_receive(asio::use_awaitable); }

/// Not inlined: what it leaves on the stack is below its caller.
[[gnu::noinline]] void leak(asio::io_context& io, bool is_another) {
  const auto nobody = std::make_shared<channel>(io, 0);
  co_spawn(io, is_another ? wait_for_another(nobody) : wait_for_nobody(nobody), asio::detached);
}

void start_tasks(bool is_another) {
  static asio::io_context io;
  static channel held(io, 0);
  static const auto work = asio::make_work_guard(io);
  leak(io, is_another);
  co_spawn(io, wait_for_data(held), asio::detached);
  io.poll();
  std::thread([] {
    ::pthread_setname_np(::pthread_self(), "worker");
    io.run();
  }).detach();
}

void become_another(int) {
  ::execl("/proc/self/exe", "interruptions", "another", nullptr);
  std::abort();
}

void end(int) { ::_exit(0); }

void wait_for_child(int) {
  if (::vfork() != 0) return;
  char byte;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  ::_exit(0);
}

[[noreturn]] void run(std::string_view how) {
  sigset_t held;
  ::sigemptyset(&held);
  ::sigaddset(&held, SIGRTMIN);
  ::sigaddset(&held, SIGUSR2);
  ::pthread_sigmask(SIG_BLOCK, &held, nullptr);
  ::signal(SIGUSR1, how == "executes" ? become_another
                    : how == "ends"   ? end
                    : how == "vforks" ? wait_for_child
                                      : SIG_IGN);
  start_sleepers();
  start_tasks(how == "another");
  start_signals();
  if (how == "spin")
    std::thread([] {
      ::pthread_setname_np(::pthread_self(), "spins");
      for (volatile unsigned turns = 0;;) turns = turns + 1;
    }).detach();
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << "counts";
    for (const auto& each : calls) std::cout << ' ' << each.name << '=' << each.interrupted;
    std::cout << " received=" << next_number << " lost=" << lost << std::endl;
  }
  ::_exit(0);
}

}  // namespace interruptions

int main(int count, char** words) { interruptions::run(count > 1 ? words[1] : ""); }
