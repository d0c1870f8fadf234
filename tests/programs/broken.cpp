// Ends as programs do that break: `broken WAY`. Each way is what its function says.

#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#if defined(BROKEN_USES_BOOST)
#  include <boost/asio.hpp>
namespace net = boost::asio;
#else
#  include <asio.hpp>
namespace net = asio;
#endif

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tasks/dump.hpp"
#include "tasks/exceptions.hpp"
#include "tasks/this_task.hpp"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#  define BROKEN_HAS_HEAP_OF_ITS_OWN
#endif

// without_exceptions.cpp
void asks_without_exceptions();
void breaks_without_exceptions();

namespace {

using net::awaitable;
using net::use_awaitable;
using net::ip::tcp;

/// As where somebody holds the heap's lock for good: whoever wants memory waits for ever.
volatile bool heap_is_broken = false;

void rethrow(std::exception_ptr e) {  // NOLINT
  if (e) std::rethrow_exception(e);
}

struct [[nodiscard]] has_own_text : std::exception {
  [[nodiscard]] const char* what() const noexcept override { return "of its own"; }
};

// What is asked for in the middle of a request, four frames deep.
using fails = void (*)();

void decode(fails how) { how(); }
awaitable<void> reads_frame(fails how) {
  co_await net::post(use_awaitable);
  decode(how);
}
awaitable<void> session(fails how) {
  tasks::this_task::set_name("conn 42");
  co_await reads_frame(how);
}
awaitable<void> listener(fails how) {
  auto executor = co_await net::this_coro::executor;
  co_spawn(executor, session(how), rethrow);
}
awaitable<void> awaits_a_task(fails how) {
  co_await co_spawn(co_await net::this_coro::executor, session(how), use_awaitable);
}

void throws() { throw std::runtime_error("bad frame length"); }
void throws_with_stack() { throw tasks::with_stack(std::runtime_error("bad frame length")); }
void throws_own() { throw has_own_text(); }
void throws_number() { throw 42; }
void aborts() { std::abort(); }
void kills() { raise(SIGABRT); }
void leaves_noexcept() noexcept { throws(); }
void with_a_broken_heap() {
  try {
    throw std::runtime_error("bad frame length");
  } catch (const std::exception&) {
    heap_is_broken = true;
    std::terminate();
  }
}
void aborts_with_a_broken_heap() {
  heap_is_broken = true;
  std::abort();
}
void aborts_within_another_signal() {
  signal(SIGUSR1, [](int) { std::abort(); });
  raise(SIGUSR1);
}
/// Threads that break at the same time.
void breaks_everywhere() {
  const auto terminates = [](void*) -> void* {
    std::terminate();
    return nullptr;
  };
  for (int i = 0; i < 4; ++i) {
    pthread_t thread;
    pthread_create(&thread, nullptr, terminates, nullptr);
  }
  throws();
}
/// The child of a fork: its end is its own.
void breaks_in_a_child() {
  if (const auto child = fork(); child > 0) {
    int status = 0;
    waitpid(child, &status, 0);
    std::cout << "child ended by " << WTERMSIG(status) << std::endl;
    std::abort();
  }
  std::abort();
}

awaitable<void> waits(net::steady_timer& timer) { co_await timer.async_wait(use_awaitable); }

awaitable<void> reads(tcp::socket& socket) {
  char byte = 0;
  co_await async_read(socket, net::buffer(&byte, 1), use_awaitable);
}

int run(std::string_view way) {
  net::io_context context;
  net::steady_timer never(context, std::chrono::hours(1));
  tcp::socket near(context), far(context);
  const auto start = [&](fails how) { co_spawn(context, listener(how), rethrow); };
  if (way == "handler") start(throws);
  if (way == "without_exceptions") start(breaks_without_exceptions);
  if (way == "awaited") co_spawn(context, awaits_a_task(throws), rethrow);
  if (way == "detached") co_spawn(context, session(throws), net::detached);
  if (way == "with_stack") start(throws_with_stack);
  if (way == "own_text") start(throws_own);
  if (way == "number") start(throws_number);
  if (way == "noexcept") start(leaves_noexcept);
  if (way == "abort") start(aborts);
  if (way == "kill") start(kills);
  if (way == "heap") start(with_a_broken_heap);
  if (way == "abort_heap") start(aborts_with_a_broken_heap);
  if (way == "signal") start(aborts_within_another_signal);
  if (way == "threads") start(breaks_everywhere);
  if (way == "fork") start(breaks_in_a_child);
  if (way == "outside") post(context, throws);
  if (way == "crowd") {
    for (int i = 0; i < 100'000; ++i) co_spawn(context, waits(never), net::detached);
    start(throws);
  }
  if (way == "asio") {
    tcp::acceptor acceptor(context, {net::ip::address_v4::loopback(), 0});
    near.connect(acceptor.local_endpoint());
    acceptor.accept(far);
    far.close();
    co_spawn(context, reads(near), rethrow);
  }
  context.run_for(std::chrono::seconds(way == "detached" ? 0 : 60));
  context.run();
  return 0;
}

/// Handlers that were there before; they say so without the heap.
void say(const char* text) { static_cast<void>(write(STDOUT_FILENO, text, std::char_traits<char>::length(text))); }

void handle_abort(int flags, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigaction(SIGABRT, &action, nullptr);
}

bool terminates_late = false;
/// After all destructors that have no priority.
[[gnu::destructor(101)]] void end() {
  if (terminates_late) std::terminate();
}

}  // namespace

#if defined(BROKEN_HAS_HEAP_OF_ITS_OWN)
extern "C" {
void* __libc_malloc(std::size_t size);                 // NOLINT
void* __libc_calloc(std::size_t n, std::size_t size);  // NOLINT
void* __libc_realloc(void* old, std::size_t size);     // NOLINT
void __libc_free(void* old);                           // NOLINT
// Weak: where libc is linked in, its own come with these.
static void use_heap() {
  while (heap_is_broken) pause();
}
[[gnu::weak]] void* malloc(std::size_t size) { return use_heap(), __libc_malloc(size); }
[[gnu::weak]] void* calloc(std::size_t n, std::size_t size) { return use_heap(), __libc_calloc(n, size); }
[[gnu::weak]] void* realloc(void* old, std::size_t size) { return use_heap(), __libc_realloc(old, size); }
[[gnu::weak]] void free(void* old) { return use_heap(), __libc_free(old); }
}
#endif

int main(int argc, char** argv) {
  const std::string_view way = argc > 1 ? argv[1] : "";
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  for (int i = 2; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "handlers") {
      std::set_terminate([] {
        say("the program's terminate handler\n");
        std::abort();
      });
      signal(SIGABRT, [](int) { say("the program's SIGABRT handler\n"); });
    }
    if (word == "once")
      handle_abort(static_cast<int>(SA_RESETHAND), [](int signal) {
        say("once\n");
        raise(signal);  // comes when this returns
      });
    if (word == "at_once")
      handle_abort(static_cast<int>(SA_RESETHAND) | SA_NODEFER, [](int signal) {
        say("at once\n");
        raise(signal);
        _exit(1);
      });
    if (word == "spent") {
      handle_abort(static_cast<int>(SA_RESETHAND) | SA_SIGINFO, [](int) {});
      raise(SIGABRT);
    }
    if (word == "late") terminates_late = true;
    if (word == "ignored") signal(SIGABRT, SIG_IGN);
    if (word == "silent") std::set_terminate([] { std::abort(); });
    if (word == "closed") close(STDERR_FILENO);
    if (word == "reused") {
      close(STDERR_FILENO);
      tasks::dump_on_terminate();
      open("/dev/stdout", O_WRONLY);  // becomes the standard error that there was none
    }
    if (word == "pipe") {  // whose reader never reads, and which is full
      int ends[2];
      if (pipe(ends) != 0) return 1;
      dup2(ends[1], STDERR_FILENO);
      fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
      while (write(STDERR_FILENO, "full", 4) > 0) continue;
      fcntl(STDERR_FILENO, F_SETFL, 0);
    }
    if (word == "on") tasks::dump_on_terminate();
    if (word == "on_without_exceptions") asks_without_exceptions();
  }
  return run(way);
}
