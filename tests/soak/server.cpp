/// The target of a soak: a server that does what servers do, and tells what it has by another way.
///
///   soak_server PAGE PLUGIN
///
/// `soak::` tasks stay, from `ready` on, as `truth` on standard output says: COUNT of a KIND, which is its function,
/// and where it waits is the line marked so below. `churn::` tasks come and go on another context, beside workers, a
/// plugin, connections and children that do so, too; page.hpp counts them. Lines of input: `pause` ends all that comes
/// and goes, and is answered by `paused` when nothing of it is left; `go` begins it anew. It ends when its standard
/// input closes.

#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <asio.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/experimental/concurrent_channel.hpp>
#include <condition_variable>
#include <iostream>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "plugin.hpp"
#include "tasks/this_task.hpp"
#include "truth.hpp"

using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;
using asio::awaitable;
using asio::co_spawn;
using asio::detached;
using asio::use_awaitable;
using asio::ip::tcp;
using channel = asio::experimental::concurrent_channel<void(asio::error_code, int)>;
constexpr auto no_throw = asio::experimental::as_tuple(use_awaitable);

namespace soak {

page* told = nullptr;

// What stays.

/// Held by main().
struct hall {
  explicit hall(asio::io_context& io) : doors(io.get_executor()), desk(io.get_executor()) {}
  std::array<char, 100> name{};
  channel doors, desk;
};

awaitable<void> enters(std::weak_ptr<hall> of) {
  co_await of.lock()->doors.async_receive(no_throw);  // here: parked
}
awaitable<void> parked(std::weak_ptr<hall> of) { co_await enters(of); }

awaitable<void> left_behind(std::shared_ptr<channel> nobody) {
  co_await nobody->async_send({}, 1, no_throw);  // here: left_behind
}

awaitable<void> sleeps() {
  asio::steady_timer timer(co_await asio::this_coro::executor, 1000h);
  co_await timer.async_wait(use_awaitable);  // here: sleeps
}

awaitable<void> reads(tcp::socket from) {
  std::array<char, 16> line;
  co_await from.async_read_some(asio::buffer(line), no_throw);  // here: reads
}

awaitable<void> accepts(tcp::acceptor of) {
  co_await of.async_accept(no_throw);  // here: accepts
}

awaitable<void> named(std::weak_ptr<hall> of, std::string name) {
  tasks::this_task::set_name(name);
  tasks::this_task::set_label("request", name);
  co_await of.lock()->desk.async_receive(no_throw);  // here: named
}

awaitable<void> child(std::weak_ptr<hall> of) {
  co_await of.lock()->doors.async_receive(no_throw);  // here: child
}
awaitable<void> parent(std::weak_ptr<hall> of) {
  co_await (child(of) && child(of));  // here: parent
}

awaitable<void> beats(counter& beat) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;;) {
    ++beat;
    timer.expires_after(5ms);
    co_await timer.async_wait(use_awaitable);
  }
}

/// A callback, no task.
void rings(asio::steady_timer& bell) {
  bell.expires_after(1000h);
  bell.async_wait([](asio::error_code) {});
}

struct stays {
  int count;
  std::string_view kind, wait;
};
constexpr stays all_that_stays[] = {{500, "parked", "CHANNEL_RECEIVE"},
                                    {50, "left_behind", "CHANNEL_SEND"},
                                    {20, "sleeps", "TIMER"},
                                    {10, "reads", "SOCKET_READ"},
                                    {2, "accepts", "SOCKET_ACCEPT"},
                                    {5, "named", "CHANNEL_RECEIVE"},
                                    {6, "child", "CHANNEL_RECEIVE"},
                                    {3, "parent", "TASKS"}};
constexpr int count_of(std::string_view kind) {
  for (const auto& each : all_that_stays)
    if (each.kind == kind) return each.count;
  throw std::logic_error("no such kind");
}
constexpr int bells = 4;

/// Not inlined: what it leaves on the stack is below its caller.
[[gnu::noinline]] void leak(asio::io_context& io) {
  const auto nobody = std::make_shared<channel>(io.get_executor());
  for (int i = 0; i < count_of("left_behind"); ++i) co_spawn(io, left_behind(nobody), detached);
}

struct what_stays {
  explicit what_stays(asio::io_context& io) : held(std::make_shared<hall>(io)) {
    leak(io);
    for (int i = 0; i < count_of("parked"); ++i) co_spawn(io, parked(held), detached);
    for (int i = 0; i < count_of("sleeps"); ++i) co_spawn(io, sleeps(), detached);
    for (int i = 0; i < count_of("named"); ++i) co_spawn(io, named(held, "r" + std::to_string(i)), detached);
    for (int i = 0; i < count_of("parent"); ++i) co_spawn(io, parent(held), detached);
    for (int i = 0; i < count_of("accepts"); ++i)
      co_spawn(io, accepts({io, {asio::ip::address_v4::loopback(), 0}}), detached);
    tcp::acceptor silent(io, {asio::ip::address_v4::loopback(), 0});
    for (int i = 0; i < count_of("reads"); ++i) {
      peers.emplace_back(io).connect(silent.local_endpoint());
      co_spawn(io, reads(silent.accept()), detached);
    }
    for (int i = 0; i < bells; ++i) rings(*timers.emplace_back(std::make_unique<asio::steady_timer>(io)));
    while (io.poll() != 0) {
    }
  }
  std::shared_ptr<hall> held;
  std::vector<tcp::socket> peers;
  std::vector<std::unique_ptr<asio::steady_timer>> timers;
};

/// Clears what earlier calls left on the stack below the caller: a pointer there would be a reference.
void clear_stack() {
  std::array<char, 65536> area;
  ::explicit_bzero(area.data(), area.size());
}

void tell_truth() {
  for (const auto& each : all_that_stays)
    std::cout << "truth " << each.count << ' ' << each.kind << ' ' << each.wait << '\n';
  std::cout << "bells " << bells << '\n';
}

}  // namespace soak

// What comes and goes.
namespace churn {

using soak::told;

constexpr int most_at_once = 400, of_plugin = 7, threads = 2, guests = 2;

template <class Task>
void start(const asio::any_io_executor& on, Task&& task) {
  ++told->begun;
  co_spawn(on, std::forward<Task>(task), detached);
  ++told->spawned;
}

/// Counts a task's end, whichever way it goes.
struct counts_end {
  counts_end() = default;
  counts_end(const counts_end&) = delete;
  counts_end& operator=(const counts_end&) = delete;
  ~counts_end() { ++told->ended; }
};

awaitable<void> rests(int i) {
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(i % 20));
  co_await timer.async_wait(use_awaitable);
}

awaitable<void> errand(int i) {
  const counts_end at_end;
  co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
  co_await rests(i);
  if (i % 50 == 0) {
    ++told->threw;
    throw std::runtime_error("an errand has failed");
  }
}

awaitable<void> brings(std::shared_ptr<channel> to, int i) {
  const counts_end at_end;
  co_await rests(i);
  co_await to->async_send({}, i, use_awaitable);
}
awaitable<void> fetches(std::shared_ptr<channel> from) {
  const counts_end at_end;
  co_await from->async_receive(use_awaitable);
}

awaitable<void> answers(tcp::socket client) {
  const counts_end at_end;
  std::array<char, 6> line;
  co_await asio::async_read(client, asio::buffer(line), use_awaitable);
  co_await asio::async_write(client, asio::buffer(line), use_awaitable);
}
awaitable<void> asks(tcp::endpoint server, int i) {
  const counts_end at_end;
  tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(server, use_awaitable);
  co_await rests(i);
  std::array<char, 6> line{"hello"};
  co_await asio::async_write(socket, asio::buffer(line), use_awaitable);
  co_await asio::async_read(socket, asio::buffer(line), use_awaitable);
}

/// What may come and go, and what has begun to.
class gate {
 public:
  /// False: it is paused.
  [[nodiscard]] bool is_open() const { return open_; }
  void open() {
    open_ = true;
    open_.notify_all();
  }
  void close() { open_ = false; }
  void wait() const { open_.wait(false); }

 private:
  std::atomic<bool> open_ = true;
};

gate enters;
std::atomic<bool> ends = false;
std::atomic<int> at_work = 0;  ///< loops of threads that have begun a round

awaitable<void> listens(tcp::acceptor& at) {
  for (;;) {
    auto [error, client] = co_await at.async_accept(no_throw);
    if (!error) start(at.get_executor(), answers(std::move(client)));
  }
}

awaitable<void> spawns(tcp::endpoint server) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  for (int i = 0;; ++i) {
    timer.expires_after(4ms);
    co_await timer.async_wait(use_awaitable);
    if (!enters.is_open() || told->spawned - told->ended > most_at_once) continue;
    for (int n = 0; n < 5; ++n) start(executor, errand(5 * i + n));
    const auto between = std::make_shared<channel>(executor);
    start(executor, fetches(between));
    start(executor, brings(between, i));
    if (i % 4 == 0) start(executor, asks(server, i));
  }
}

/// Does a thing again and again on a thread of that name, but while the gate is closed.
template <class Round>
std::thread repeat(const char* name, Round round) {
  return std::thread([=] {
    ::pthread_setname_np(::pthread_self(), name);
    for (int i = 0; !ends; ++i) {
      enters.wait();
      ++at_work;
      if (enters.is_open() && !ends) round(i);
      --at_work;
    }
  });
}

/// Workers that come, run what there is to be run, and go.
void hire(asio::io_context& io) {
  std::vector<std::thread> hired;
  for (int i = 0; i < guests; ++i)
    hired.emplace_back([&io] {
      ::pthread_setname_np(::pthread_self(), "guest");
      io.run_for(30ms);
    });
  for (auto& each : hired) each.join();
  ++told->workers;
}

void reload(const char* path, int i) {
  void* library = ::dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(::dlerror());
  const auto calls = *static_cast<const soak::plugin_calls*>(::dlsym(library, "plugin_calls"));
  calls.start(of_plugin, i % 2 == 0);
  ++told->plugin_turn;
  std::this_thread::sleep_for(300ms);
  ++told->plugin_turn;
  calls.stop();
  ::dlclose(library);
  ++told->loads;
}

awaitable<void> of_a_child() { co_await rests(10); }

/// A child that ends at once, one that executes something else, and one that goes on and has tasks of its own.
void fork_one(int i) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (i % 3 == 1) ::execl("/bin/true", "true", nullptr);
    if (i % 3 == 2) {
      asio::io_context own;
      for (int n = 0; n < 10; ++n) co_spawn(own, of_a_child(), detached);
      own.run_for(100ms);
    }
    ::_exit(0);
  }
  if (child < 0) throw std::runtime_error("fork() has failed");
  int status = 0;
  if (::waitpid(child, &status, 0) != child || status != 0) std::cout << "child " << status << std::endl;
  ++(i % 3 == 1 ? told->execs : told->forks);
  std::this_thread::sleep_for(50ms);
}

void pause() {
  enters.close();
  while (at_work != 0 || told->spawned != told->ended) std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_for(50ms);  // the last ones are destroyed, and connections closed
  ::malloc_trim(0);
  std::cout << "paused" << std::endl;
}

}  // namespace churn

int main(int argc, char** argv) {
  if (argc != 3) return std::cerr << "usage: soak_server PAGE PLUGIN\n", 2;
  const int file = ::open(argv[1], O_RDWR | O_CLOEXEC);
  void* const shared = ::mmap(nullptr, sizeof(soak::page), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (file < 0 || shared == MAP_FAILED) return std::cerr << argv[1] << ": cannot be mapped\n", 1;
  ::close(file);
  soak::told = new (shared) soak::page;

  asio::io_context rest, busy;
  const soak::what_stays stays(rest);
  co_spawn(rest, soak::beats(soak::told->rest_beats), detached);
  co_spawn(busy, soak::beats(soak::told->busy_beats), detached);
  tcp::acceptor server(busy, {asio::ip::address_v4::loopback(), 0});
  co_spawn(busy, churn::listens(server), detached);
  co_spawn(busy, churn::spawns(server.local_endpoint()), detached);
  soak::clear_stack();
  std::vector<std::thread> workers;
  for (auto* context : {&rest, &busy})
    for (int i = 0; i < churn::threads; ++i)
      workers.emplace_back([context, name = context == &rest ? "rest" : "busy"] {
        ::pthread_setname_np(::pthread_self(), name);
        context->run();
      });
  std::vector<std::thread> others;
  others.push_back(churn::repeat("hires", [&busy](int) { churn::hire(busy); }));
  others.push_back(churn::repeat("reloads", [path = argv[2]](int i) { churn::reload(path, i); }));
  others.push_back(churn::repeat("forks", [](int i) { churn::fork_one(i); }));

  soak::tell_truth();
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "pause") churn::pause();
    if (line == "go") churn::enters.open();
  }
  churn::ends = true;
  churn::enters.open();
  for (auto& each : others) each.join();
  rest.stop();
  busy.stop();
  for (auto& each : workers) each.join();
}
