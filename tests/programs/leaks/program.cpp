#include "program.hpp"

#include <string.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <iostream>

namespace leaks {

void settle(asio::io_context& io, awaitable<void> work) {
  bool returned = false;
  co_spawn(io, std::move(work), [&returned](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
    returned = true;
  });
  while (!returned) io.run_one();
  while (io.poll() != 0) {
  }
}

void clear_stack() {
  std::array<char, 65536> area;
  ::explicit_bzero(area.data(), area.size());
}

void print(const claims& said) {
  int leaked = 0;
  std::cout << "kind: " << said.kind << "\nverdict: " << said.verdict << '\n';
  for (const blocked& each : said.leaks) {
    leaked += each.count;
    std::cout << "where: " << each.count << ' ' << each.function << '\n';
  }
  std::cout << "leaked: " << leaked << "\ntasks: " << leaked + said.healthy << "\nready" << std::endl;
}

bool a_line_comes() {
  char c = 0;
  while (::read(STDIN_FILENO, &c, 1) == 1) {
    if (c == '\n') return true;
  }
  return false;
}

server::server(asio::io_context& io) : io_(io), thread_([&io] { io.run(); }) {}

server::~server() {
  io_.stop();
  thread_.join();
  io_.restart();
}

int run(int argc, char** argv, awaitable<void> (*start)(form), const claims& said) {
  const std::string_view argument = argc == 2 ? argv[1] : "";
  if (argument != "leaking" && argument != "fixed") {
    std::cout << "leaking\nfixed\n";
    return 2;
  }
  const form chosen = argument == "fixed" ? form::fixed : form::leaking;
  claims now = said;
  if (chosen == form::fixed) now = {said.kind, "none", {}};
  asio::io_context io(1);
  const auto work = asio::make_work_guard(io);
  for (bool more = true; more;) {
    settle(io, start(chosen));
    clear_stack();
    const server serving(io);
    print(now);
    more = a_line_comes();
    for (std::size_t i = 0; i < now.leaks.size(); ++i) now.leaks[i].count += said.leaks[i].count;
  }
  std::exit(0);
}

}  // namespace leaks
