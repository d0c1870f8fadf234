// Operations that pend without a coroutine, one of each kind; some that are over or cancelled, and tasks beside them.
// Prints the descriptors that they wait on.

#include <asio.hpp>
#include <asio/experimental/concurrent_channel.hpp>
#include <chrono>
#include <csignal>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

namespace callbacks {

using asio::ip::tcp;
using chan = asio::experimental::concurrent_channel<void(asio::error_code, int)>;
using std::chrono::hours;

class session : public std::enable_shared_from_this<session> {
 public:
  explicit session(tcp::socket socket) : socket_(std::move(socket)) {}

  void start() {
    auto self = shared_from_this();
    asio::async_read(socket_, asio::buffer(data_),
                     [self](asio::error_code, std::size_t) { self->finish(); });  // read by a lambda
  }
  void start_bound() {
    using namespace std::placeholders;
    socket_.async_read_some(asio::buffer(data_), std::bind(&session::on_read, shared_from_this(), _1, _2));
  }
  void on_read(asio::error_code, std::size_t) { finish(); }  // read by a member function
  void finish() { socket_.close(); }
  int descriptor() { return socket_.native_handle(); }

 private:
  tcp::socket socket_;
  char data_[100] = {};
};

struct alarm_bell {
  int rings = 0;
  void operator()(asio::error_code) { ++rings; }  // an object
};

void on_signal(const asio::error_code&, int) { std::cout << "signal" << std::endl; }  // a function

asio::awaitable<void> sleeps() {
  asio::steady_timer timer(co_await asio::this_coro::executor, hours(1));
  co_await timer.async_wait(asio::use_awaitable);
}

std::pair<tcp::socket, tcp::socket> connect(asio::io_context& context) {
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
  tcp::socket client(context);
  client.connect(acceptor.local_endpoint());
  return {acceptor.accept(), std::move(client)};
}

}  // namespace callbacks

int main() {
  using namespace callbacks;
  // Without a task: what its work is made of is known to the last.
  asio::io_context context;
  auto [first, first_client] = connect(context);
  auto [second, second_client] = connect(context);
  const auto reader = std::make_shared<session>(std::move(first));
  const auto bound = std::make_shared<session>(std::move(second));
  std::cout << "read " << reader->descriptor() << "\nbound " << bound->descriptor() << std::endl;
  reader->start();
  bound->start_bound();

  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
  acceptor.async_accept([](asio::error_code, tcp::socket) { std::cout << "accepted" << std::endl; });  // accept
  std::cout << "accept " << acceptor.native_handle() << std::endl;

  asio::steady_timer soon(context, hours(1)), never(context, asio::steady_timer::time_point::max());
  asio::system_timer date(context, hours(48));
  soon.async_wait(alarm_bell{});
  never.async_wait([](asio::error_code) { std::cout << "never" << std::endl; });  // never
  date.async_wait([&context](asio::error_code) { context.stop(); });              // date
  asio::signal_set signals(context, SIGUSR1, SIGUSR2);
  signals.async_wait(&on_signal);
  auto guard = asio::make_work_guard(context);

  // Over, cancelled, and begun anew: none of these pends.
  asio::steady_timer expired(context, hours(-1)), cancelled(context, hours(1));
  for (int i = 0; i < 10; ++i) expired.async_wait([](asio::error_code) { std::cout << "" << std::flush; });
  cancelled.async_wait([](asio::error_code) { std::cout << "" << std::flush; });
  cancelled.cancel();

  // Tasks, and a channel that a callback waits on.
  asio::io_context of_tasks;
  chan channel(of_tasks, 0);
  channel.async_receive([](asio::error_code, int) { std::cout << "received" << std::endl; });  // receive
  asio::co_spawn(of_tasks, sleeps(), asio::detached);
  asio::co_spawn(of_tasks, sleeps(), asio::detached);

  // Nobody runs these: what is posted stays.
  asio::io_context nobodys, nothing;
  asio::post(nobodys, [] { std::cout << "posted" << std::endl; });  // posted
  auto strand = asio::make_strand(nobodys);
  asio::post(strand, [] { std::cout << "on the strand" << std::endl; });  // on the strand

  std::thread worker([&] { context.run(); });
  asio::post(context, [&of_tasks] { of_tasks.poll(); });
  asio::post(context, [] { std::cout << "ready" << std::endl; });
  std::string line;
  while (std::getline(std::cin, line)) {
  }
  context.stop();
  worker.join();
}
