// Ours and others' ways to see what is blocked, in one run: as many tasks, or goroutines, each of three functions that
// wait on one channel, and whoever looks, by turns.
//
//   peers_bench GO_TARGET DATA_FILE [MOST]   prints a table, and writes what peers.gnuplot draws
//
// Told: what is in the output of those that were there, counted by the function in which they wait.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "measure.hpp"
#include "support/program.hpp"

namespace {

using namespace tasks::bench;
using tasks::testing::program;

/// Seconds that whoever looks may take.
constexpr const char* longest = "300";

/// What is looked with, at `target`; leaves what it says in a file.
using look = std::function<measured(program& target, const std::string& file)>;
/// How many of those that wait that file tells.
using count = std::function<std::uint64_t(std::istream& told)>;

struct row {
  const char* who;
  look with;
  count told;
};

look by_command(std::vector<std::string> words) {
  return [words = std::move(words)](program& target, const std::string& file) {
    std::vector<std::string> command = {"timeout", longest};
    command.insert(command.end(), words.begin(), words.end());
    command.push_back(target.pid_text());
    return measure(command, file);
  };
}

/// Of the Go program's own listener, as a client of net/http/pprof or gops would have it.
look by_listener(const char* debug) {
  return [debug](program& target, const std::string& file) {
    const auto start = std::chrono::steady_clock::now();
    const int to = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const int from = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(target.value("port"))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto ask = std::string(debug) + "\n";
    if (to < 0 || ::connect(from, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::write(from, ask.data(), ask.size()) < 0)
      throw std::runtime_error("the Go program does not answer");
    std::vector<char> part(std::size_t{1} << 20);
    for (ssize_t got = 0; (got = ::read(from, part.data(), part.size())) > 0;)
      if (::write(to, part.data(), static_cast<std::size_t>(got)) != got) throw std::runtime_error("disk full");
    ::close(from);
    ::close(to);
    return measured{std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count(), 0};
  };
}

/// Lines that have `text`.
count lines_with(std::string_view text) {
  return [text](std::istream& told) {
    std::uint64_t lines = 0;
    for (std::string line; std::getline(told, line);) lines += line.find(text) != line.npos ? 1 : 0;
    return lines;
  };
}

/// The first number, of at least one digit and perhaps with commas, in the first line that has `text`.
count number_before(std::string_view text) {
  return [text](std::istream& told) {
    for (std::string line; std::getline(told, line);) {
      const auto end = line.find(text);
      if (end == line.npos) continue;
      std::string digits;
      for (const char each : line.substr(0, end)) {
        if (each >= '0' && each <= '9')
          digits += each;
        else if (each != ',' && !digits.empty())
          break;
      }
      return digits.empty() ? std::uint64_t{0} : std::uint64_t{std::stoull(digits)};
    }
    return std::uint64_t{0};
  };
}

std::string mebibytes(double kib) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.1f MiB", kib / 1024);
  return text.data();
}

class comparison {
 public:
  explicit comparison(std::string scratch) : scratch_(std::move(scratch)) {}

  void run(program& target, std::uint64_t tasks, const row& each) {
    static_cast<void>(ask(target));
    static_cast<void>(measure({"sleep", "1"}));
    const auto idle = ask(target);
    measured took;
    try {
      took = each.with(target, scratch_);
    } catch (const std::runtime_error&) {
      std::printf("| %s | %llu | fails, or takes more than %s s | | | | |\n", each.who, number(tasks), longest);
      return;
    }
    const auto after = ask(target);
    std::ifstream told(scratch_);
    const auto seen = each.told(told);
    std::printf("| %s | %llu | %.*f ms | %.1f ms (%.1f) | %+.1f MiB | %s | %.1f %% |\n", each.who, number(tasks),
                took.ms < 100 ? 1 : 0, took.ms, ms(after.gap_us), ms(idle.gap_us),
                static_cast<double>(after.rss_kib - idle.rss_kib) / 1024,
                took.rss_kib == 0 ? "a socket's" : mebibytes(static_cast<double>(took.rss_kib)).c_str(),
                100 * static_cast<double>(seen) / static_cast<double>(tasks));
    std::fflush(stdout);
    points_[each.who].push_back({static_cast<double>(tasks), took.ms, ms(after.gap_us)});
  }

  /// Blocks of gnuplot's, which two empty lines part.
  void write(const std::string& data) const {
    std::ofstream to(data, std::ios::trunc);
    for (const auto* between = ""; const auto& [who, points] : points_) {
      to << std::exchange(between, "\n\n") << '"' << who << "\"\n";
      for (const auto& [tasks, took, gap] : points) to << tasks << ' ' << took << ' ' << gap << '\n';
    }
  }

 private:
  static unsigned long long number(std::uint64_t of) { return of; }
  static double ms(long us) { return static_cast<double>(us) / 1000; }

  std::string scratch_;
  std::map<std::string, std::vector<std::array<double, 3>>> points_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: peers_bench GO_TARGET DATA_FILE [MOST]\n", stderr);
    return 2;
  }
  const std::string tasks = tasks::testing::tasks_executable();
  const std::string plain = std::string(TASKS_SCALE_TARGET) + "_plain";
  const std::string scratch = std::string(argv[2]) + ".output";
  const auto waiting = number_before("channel receive");
  const row ours[] = {
      {"tasks stack --group", by_command({tasks, "stack", "--group", "-p"}), waiting},
      {"tasks stack", by_command({tasks, "stack", "-p"}), lines_with("inner(")},
      {"tasks leaks", by_command({"sh", "-c", R"("$0" leaks -p "$1"; test $? -le 4)", tasks}), number_before("tasks")},
  };
  const row of_plain[] = {
      {"tasks stack --group, not linked", by_command({tasks, "stack", "--group", "-p"}), waiting},
      {"gdb, thread apply all bt", by_command({"gdb", "-batch", "-nx", "-ex", "thread apply all bt", "-p"}),
       lines_with("inner(")},
      {"eu-stack", by_command({"eu-stack", "-p"}), lines_with("inner(")},
  };
  const row of_go[] = {
      {"Go, pprof debug=1", by_listener("1"), number_before(" @ 0x")},
      {"Go, pprof debug=2 (gops stack)", by_listener("2"), lines_with("main.inner(")},
  };
  // It writes what happens as it happens; what is looked at is that log.
  const std::string log = std::string(argv[2]) + ".log";
  const std::string logging = R"(exec "$0" "$@" 2>)" + log;
  const row of_tracking[] = {{"Asio's handler tracking, its log", by_command({"sh", "-c", "exec cat \"$0\"", log}),
                              lines_with(".async_receive")}};
  const std::uint64_t most = argc > 3 ? std::stoull(argv[3]) : 1'000'000;
  comparison compare(scratch);
  std::puts(
      "| who looks | tasks | to the last byte | longest gap in the target (idle) | target's RSS | its own RSS | told "
      "|");
  std::puts("| --- | --- | --- | --- | --- | --- | --- |");
  for (std::uint64_t n = 1000; n <= most; n *= 10) {
    const auto each = [&](const std::vector<std::string>& executable, const auto& rows) {
      auto command = executable;
      command.insert(command.end(), {std::to_string(n), "probe"});
      program target(command);
      for (const auto& row : rows) compare.run(target, n, row);
    };
    each({TASKS_SCALE_TARGET}, ours);
    each({argv[1]}, of_go);
    each({plain}, of_plain);
    each({"sh", "-c", logging, TASKS_SCALE_TARGET + std::string("_tracking")}, of_tracking);
  }
  compare.write(argv[2]);
  std::remove(scratch.c_str());
  std::remove(log.c_str());
}
