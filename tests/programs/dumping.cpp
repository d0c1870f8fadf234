/// A program that writes dumps of its tasks, as its arguments say, one after the other:
///
///   path=FILE replace chain exit   how the calls that follow do it
///   own=SIGNAL     has a handler of its own, which says `handled`
///   once=SIGNAL    the same with SA_RESETHAND; plain=SIGNAL: without SA_RESTART; over=SIGNAL: calls what was there
///   before spent=SIGNAL   has had such a handler, with SA_SIGINFO, which was called call=SIGNAL
///   tasks::dump_on_signal(), by number; says `call=SIGNAL STATUS` blocked        from here on all threads block
///   SIGQUIT, those that are there excepted forks          all that follows is done by a child, which says `child PID`
///   holds=FILE     opens it, as the first descriptor that is free; says `holds FD`
///   no-tasks, hangs, channels-alone, deep=N: what its tasks do; else one waits for a timer and three for a channel
///
/// Prints `ready` once that is so. Answers a line with how often a signal interrupted that read, and ends when its
/// standard input closes.

#if defined(DUMPING_USE_BOOST)
#  include <boost/asio.hpp>
#  include <boost/asio/experimental/concurrent_channel.hpp>
namespace asio = boost::asio;
using error_code = boost::system::error_code;
#else
#  include <asio.hpp>
#  include <asio/experimental/concurrent_channel.hpp>
using error_code = std::error_code;
#endif

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tasks/dump.hpp"

namespace dumping {

using asio::awaitable;
using asio::co_spawn;
using asio::detached;
using asio::use_awaitable;
using jobs = asio::experimental::concurrent_channel<void(error_code, int)>;

constexpr int workers = 2;
std::atomic<int> settled{0};
std::atomic<unsigned> steps{0};

void settle() {
  settled.fetch_add(1);
  settled.notify_one();
}

awaitable<void> worker(jobs& from) {
  settle();
  co_await from.async_receive(use_awaitable);
}

awaitable<void> sleeper() {
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
  settle();
  co_await timer.async_wait(use_awaitable);
}

[[gnu::noinline]] void crunch() {
  settle();
  for (;;) steps.fetch_add(1, std::memory_order_relaxed);
}

awaitable<void> calculate() {
  crunch();
  co_return;
}

awaitable<void> dive(int depth, jobs& from) {
  if (depth == 0)
    co_await worker(from);
  else
    co_await dive(depth - 1, from);
}

void say(const char* text) {
  std::size_t size = 0;
  while (text[size] != 0) ++size;
  if (::write(STDOUT_FILENO, text, size) < 0) ::_exit(3);
}

void install_own(int signal, int flags) {
  struct sigaction action {};
  action.sa_handler = [](int) { say("handled\n"); };
  action.sa_flags = flags;
  sigaction(signal, &action, nullptr);
}

struct sigaction under {};
void install_over(int signal) {
  struct sigaction action {};
  action.sa_sigaction = [](int number, siginfo_t* info, void* context) {
    say("over\n");
    under.sa_sigaction(number, info, context);
  };
  action.sa_flags = SA_RESTART | SA_SIGINFO;
  sigaction(signal, &action, &under);
}

/// A child goes on; its parent stays until that ends.
void fork_child() {
  const pid_t child = fork();
  if (child == 0) {
    std::cout << "child " << getpid() << std::endl;
    return;
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
  }
  if (WIFSIGNALED(status)) std::cout << "child ended by " << WTERMSIG(status) << std::endl;
  ::_exit(0);
}

/// All workers are in handlers of this function at once: none is about to come to its wait in another.
void wait_until_idle(asio::io_context& context) {
  const auto all = std::make_shared<std::latch>(workers + 1);
  for (int i = 0; i < workers; ++i) asio::post(context, [all] { all->arrive_and_wait(); });
  all->arrive_and_wait();
}

int run(const std::vector<std::string>& words) {
  tasks::signal_dump_options options;
  std::string tasks_do = "wait";
  int depth = 0;
  for (const auto& word : words) {
    const auto after = word.substr(word.find('=') + 1);
    if (word.starts_with("path="))
      options.path = after;
    else if (word == "replace")
      options.handled = tasks::dump_handled::replace;
    else if (word == "chain")
      options.handled = tasks::dump_handled::chain;
    else if (word == "exit")
      options.then = tasks::dump_then::exit;
    else if (word.starts_with("own="))
      install_own(std::atoi(after.c_str()), SA_RESTART);
    else if (word.starts_with("once="))
      install_own(std::atoi(after.c_str()), SA_RESTART | static_cast<int>(SA_RESETHAND));
    else if (word.starts_with("plain="))
      install_own(std::atoi(after.c_str()), 0);
    else if (word.starts_with("spent=")) {
      install_own(std::atoi(after.c_str()), SA_SIGINFO | static_cast<int>(SA_RESETHAND));
      ::raise(std::atoi(after.c_str()));
    } else if (word.starts_with("over="))
      install_over(std::atoi(after.c_str()));
    else if (word.starts_with("call="))
      std::cout << word << ' ' << static_cast<unsigned>(tasks::dump_on_signal(std::atoi(after.c_str()), options))
                << std::endl;
    else if (word == "blocked") {
      sigset_t set;
      sigemptyset(&set);
      sigaddset(&set, SIGQUIT);
      pthread_sigmask(SIG_BLOCK, &set, nullptr);
    } else if (word == "forks")
      fork_child();
    else if (word.starts_with("holds="))
      std::cout << "holds " << ::open(after.c_str(), O_RDWR | O_CREAT, 0600) << std::endl;
    else if (word.starts_with("deep="))
      depth = std::atoi(after.c_str());
    else
      tasks_do = word;
  }

  asio::io_context context(workers);
  const auto work = asio::make_work_guard(context);
  jobs requests(context, 0);
  int expected = 0;
  if (tasks_do == "hangs") {
    for (; expected < workers; ++expected) co_spawn(context, calculate(), detached);
  } else if (tasks_do != "no-tasks") {
    for (; expected < 3; ++expected) co_spawn(context, worker(requests), detached);
    for (int i = 1; i <= depth; ++i, ++expected) co_spawn(context, dive(i, requests), detached);
    if (tasks_do != "channels-alone") {
      co_spawn(context, sleeper(), detached);
      ++expected;
    }
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < workers; ++i) threads.emplace_back([&context] { context.run(); });
  for (int seen = settled; seen < expected; seen = settled) settled.wait(seen);
  if (tasks_do != "hangs") wait_until_idle(context);
  std::cout << "ready" << std::endl;

  int interrupted = 0;
  for (char byte = 0;;) {
#if defined(__SANITIZE_THREAD__)
    // Which holds a signal back as long as its thread is in read(2), not while it is in poll(2).
    pollfd input{STDIN_FILENO, POLLIN, 0};
    while (::poll(&input, 1, -1) < 0) {
    }
#endif
    const auto size = ::read(STDIN_FILENO, &byte, 1);
    if (size == 0) ::exit(0);
    if (size < 0) ++interrupted;
    if (size > 0 && byte == '\n') std::cout << "interrupted " << interrupted << std::endl;
  }
}

}  // namespace dumping

int main(int argc, char** argv) { return dumping::run({argv + 1, argv + argc}); }
