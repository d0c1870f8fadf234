/// A program with a task that reads from a socket, for which something has come, in the way that its argument names:
///
///   busy     its only worker runs a task that does not await
///   nobody   no thread runs its io_context
///   missed   its worker waits for events, and is told of none: the socket was taken from the epoll instance, as by a
///            child process that has the same one
///   few      nothing is wrong: SO_RCVLOWAT asks for more than has come
///   read     nothing is wrong: what comes is read
///
/// Five bytes come before it prints `ready`, but for `read`. Ends when its standard input closes.

#include <sys/epoll.h>
#include <sys/socket.h>
#include <asio.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>

namespace unread {

using asio::awaitable;
using asio::co_spawn;
using asio::detached;
using asio::use_awaitable;
using asio::ip::tcp;
using namespace std::chrono_literals;

awaitable<void> read(tcp::socket& from) {
  char byte = 0;
  for (;;) co_await asio::async_read(from, asio::buffer(&byte, 1), use_awaitable);
}

std::atomic<bool> begun{false};

void note_begin() {
  begun = true;
  begun.notify_all();
}

[[gnu::noinline]] void hold() {
  note_begin();
  for (;;) std::this_thread::sleep_for(1h);
}

awaitable<void> keep_worker() {
  hold();
  co_return;
}

/// Of all epoll instances of this process, those that do not have it too.
void take_from_reactors(int socket) {
  for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(each.path(), gone) != "anon_inode:[eventpoll]") continue;
    ::epoll_ctl(std::stoi(each.path().filename()), EPOLL_CTL_DEL, socket, nullptr);
  }
}

int run(std::string_view how) {
  asio::io_context mine, others;
  tcp::acceptor acceptor(others, {asio::ip::address_v4::loopback(), 0});
  tcp::socket from(mine), to(others);
  from.connect(acceptor.local_endpoint());
  acceptor.accept(to);
  if (how == "few") {
    const int least = 100;
    ::setsockopt(from.native_handle(), SOL_SOCKET, SO_RCVLOWAT, &least, sizeof least);
  }
  co_spawn(mine, read(from), detached);
  if (how == "busy") co_spawn(mine, keep_worker(), detached);
  std::thread worker;
  if (how == "nobody") {
    mine.poll();
  } else {
    worker = std::thread([&] { mine.run(); });
    if (how != "busy") asio::post(mine, note_begin);
    begun.wait(false);
  }
  if (how == "missed") take_from_reactors(from.native_handle());
  if (how != "read") asio::write(to, asio::buffer("hello", 5));
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
  }
  std::_Exit(EXIT_SUCCESS);
}

}  // namespace unread

int main(int argc, char** argv) { return unread::run(argc > 1 ? argv[1] : "read"); }
