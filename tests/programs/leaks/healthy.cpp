#include "healthy.hpp"

#include <unistd.h>

#include <cstdlib>
#include <iostream>

namespace leaks {

std::atomic<int> counted::live{0};

awaitable<void> idle_in(pool& work) {
  const counted self;
  for (;;) {
    const auto [closed, job] = co_await work.jobs.async_receive(no_throw);
    if (closed) co_return;
  }
}

awaitable<void> idle(std::shared_ptr<pool> work) {
  const counted self;
  for (;;) {
    const auto [closed, job] = co_await work->jobs.async_receive(no_throw);
    if (closed) co_return;
  }
}

std::shared_ptr<pool> make_pool(asio::io_context& io) {
  auto made = std::make_shared<pool>(io.get_executor());
  co_spawn(io, idle(made), detached);
  return made;
}

std::uintptr_t make_hidden(asio::io_context& io) { return ~reinterpret_cast<std::uintptr_t>(make_pool(io).get()); }

void close_hidden(std::uintptr_t address) { reinterpret_cast<pool*>(~address)->jobs.close(); }

gate::gate() {
  if (::pipe(pipe_.data()) != 0) std::abort();
}

void gate::start(asio::io_context& io, void (*hold)(asio::io_context& io)) {
  std::thread(hold, std::ref(io)).detach();
  arrived_.get_future().wait();
}

void gate::arrive() { arrived_.set_value(); }

void gate::wait() {
  arrive();
  char c = 0;
  while (::read(pipe_[0], &c, 1) < 0) {
  }
}

void gate::open() const {
  if (::write(pipe_[1], "!", 1) != 1) std::abort();
}

int run(int argc, char** argv, std::span<const look_alike> all) {
  const std::string_view argument = argc == 2 ? argv[1] : "";
  const auto chosen =
      std::find_if(all.begin(), all.end(), [&](const look_alike& each) { return each.name == argument; });
  if (chosen == all.end()) {
    for (const look_alike& each : all) std::cout << each.name << '\n';
    return 2;
  }
  asio::io_context io;
  const auto work = asio::make_work_guard(io);
  chosen->start(io);
  while (io.poll() != 0) {
  }
  clear_stack();
  bool more = false;
  {
    const server serving(io);
    print({"healthy", "none", {}, chosen->tasks});
    more = a_line_comes();
  }
  if (more) {
    chosen->wake();
    while (counted::live != 0) io.run_one();
    while (io.poll() != 0) {
    }
    print({"healthy", "none", {}});
    a_line_comes();
  }
  std::exit(0);
}

}  // namespace leaks
