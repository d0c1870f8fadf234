/// A program whose threads sleep in calls that return EINTR when a thread is stopped, and count how often they do:
/// epoll_wait, recv with a time-out, io_uring_enter where there is one, semtimedop, sigtimedwait; and a task that is in
/// recv. Others sleep in calls that go on: sem_timedwait, nanosleep, a futex. One task waits on a channel that data
/// leads to. On aarch64 nobody is in semtimedop or io_uring_enter: libc's functions for them have no frame there, and
/// the return address of a thread that sleeps in one is in a register, so that it is stopped. With `held` or `leak` as
/// its argument it does not use io_uring, of which nothing can be proven; with `leak` another task waits on a channel
/// that nothing leads to.
///
/// Prints `ready`, answers each line with `interrupted N`, and ends when its standard input closes.

#include <linux/io_uring.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <asio.hpp>
#include <asio/experimental/channel.hpp>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <future>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace sleepers {

constexpr timespec long_time{3600, 0};

std::atomic<int> interrupted{0};

/// Counts, and calls again.
template <class Call>
[[noreturn]] void for_ever(Call call) {
  for (;;)
    if (call() < 0 && errno == EINTR) ++interrupted;
}

[[gnu::noinline]] long wait_in_epoll(int epoll) {
  epoll_event events[128];
  return ::epoll_wait(epoll, events, 128, -1);
}

[[gnu::noinline]] long receive(int socket) {
  char byte;
  return ::recv(socket, &byte, 1, 0);
}

[[gnu::noinline]] long wait_for_semaphores(int set) {
  sembuf down{0, -1, 0};
  return ::semtimedop(set, &down, 1, &long_time);
}

[[gnu::noinline]] long wait_for_signal() {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  ::sigaddset(&wanted, SIGUSR2);
  return ::sigtimedwait(&wanted, nullptr, &long_time);
}

long wait_for_completion(int ring) {
  return ::syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, nullptr, 0);
}

[[gnu::noinline]] long wait_for_semaphore(sem_t& semaphore) {
  timespec until{};
  ::clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += long_time.tv_sec;
  return ::sem_timedwait(&semaphore, &until);
}

[[gnu::noinline]] long rest() {
  timespec left{};
  return ::nanosleep(&long_time, &left);
}

int silent_socket() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) std::abort();
  const timeval long_wait{long_time.tv_sec, 0};
  if (::setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &long_wait, sizeof long_wait) != 0) std::abort();
  return ends[0];
}

asio::awaitable<void> receive_in_task(int socket) {
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  for_ever([socket] { return receive(socket); });
}

asio::awaitable<void> wait() {
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
  co_await timer.async_wait(asio::use_awaitable);
}

using channel = asio::experimental::channel<void(asio::error_code, int)>;

std::shared_ptr<channel> held;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables): data leads to it

asio::awaitable<void> take(std::shared_ptr<channel> from) { co_await from->async_receive(asio::use_awaitable); }

[[gnu::noinline]] void wait_for_what_nothing_leads_to(asio::io_context& in) {
  co_spawn(in, take(std::make_shared<channel>(in, 0)), asio::detached);
}

/// What functions that have returned left on the stack would lie in frames of those that are called later, as values.
[[gnu::noinline]] void wipe_stack() {
  volatile char bytes[65536];
  for (auto& each : bytes) each = 0;
}

int run(std::string_view form) {
  sigset_t quiet;
  ::sigemptyset(&quiet);
  ::sigaddset(&quiet, SIGUSR2);
  ::pthread_sigmask(SIG_BLOCK, &quiet, nullptr);
  asio::io_context context(2), idle(1);
  const auto guard = asio::make_work_guard(idle);
  co_spawn(context, receive_in_task(silent_socket()), asio::detached);
  co_spawn(idle, wait(), asio::detached);
  held = std::make_shared<channel>(idle, 0);
  co_spawn(idle, take(held), asio::detached);
  if (form == "leak") wait_for_what_nothing_leads_to(idle);
  wipe_stack();
  sem_t semaphore;
  ::sem_init(&semaphore, 0, 0);
  const int set = ::semget(IPC_PRIVATE, 1, 0600), epoll = ::epoll_create1(0), socket = silent_socket();
  io_uring_params parameters{};
#if defined(__aarch64__)
  constexpr bool has_ring = false;
#else
  const bool has_ring = form.empty();
#endif
  const int ring = has_ring ? static_cast<int>(::syscall(SYS_io_uring_setup, 1, &parameters)) : -1;
  std::promise<void> never;
  std::vector<std::thread> threads;
  threads.emplace_back([&] { context.run(); });
  threads.emplace_back([&] { idle.run(); });
  threads.emplace_back([=] { for_ever([=] { return wait_in_epoll(epoll); }); });
  threads.emplace_back([=] { for_ever([=] { return receive(socket); }); });
#if !defined(__aarch64__)
  threads.emplace_back([=] { for_ever([=] { return wait_for_semaphores(set); }); });
#endif
  threads.emplace_back([] { for_ever(wait_for_signal); });
  threads.emplace_back([&] { for_ever([&] { return wait_for_semaphore(semaphore); }); });
  threads.emplace_back([] { for_ever(rest); });
  threads.emplace_back([&] { never.get_future().wait(); });
  if (ring >= 0) threads.emplace_back([=] { for_ever([=] { return wait_for_completion(ring); }); });
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) std::cout << "interrupted " << interrupted << std::endl;
  ::semctl(set, 0, IPC_RMID);
  std::_Exit(EXIT_SUCCESS);
}

}  // namespace sleepers

int main(int count, char** words) { return sleepers::run(count > 1 ? words[1] : ""); }
