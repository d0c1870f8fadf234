// How the views scale: a thousand to a million blocked tasks, a hundred agents. Prints tables; every figure is of this
// run.

#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "measure.hpp"
#include "support/program.hpp"

namespace {

using tasks::bench::ask;
using tasks::bench::measure;
using tasks::bench::measured;
using tasks::bench::median;
using tasks::testing::program;

void view(program& target, const char* name, const std::vector<std::string>& command) {
  const auto before = ask(target);
  static_cast<void>(measure({"sleep", "1"}));
  const auto idle = ask(target);
  const auto took = median(command, 3);
  const auto after = ask(target);
  std::printf("| %s | %.0f ms | %+.1f MiB | %.0f MiB | %.1f ms (idle %.1f ms) |\n", name, took.ms,
              static_cast<double>(after.rss_kib - before.rss_kib) / 1024, static_cast<double>(took.rss_kib) / 1024,
              static_cast<double>(after.gap_us) / 1000, static_cast<double>(idle.gap_us) / 1000);
  std::fflush(stdout);
}

/// Seconds that a view of the table of all of them may take.
constexpr const char* longest = "60";

/// One run, of two seconds and more with one decimal, and its peak memory.
std::string cell(const std::vector<std::string>& command) {
  std::vector<std::string> limited = {"timeout", longest};
  limited.insert(limited.end(), command.begin(), command.end());
  try {
    const auto took = measure(limited);
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), took.ms < 2000 ? "%.2f s, %.0f MiB" : "%.1f s, %.0f MiB", took.ms / 1000,
                  static_cast<double>(took.rss_kib) / 1024);
    return text.data();
  } catch (const std::runtime_error&) {
    return std::string("more than ") + longest + " s, or failed";
  }
}

/// Every view of as many tasks as each of `counts`: a row a view.
void all_views(const std::string& tasks, const std::vector<std::string>& counts) {
  struct row {
    const char* name;
    std::vector<std::string> words;
    std::string cells{};
  };
  const auto file = (std::filesystem::temp_directory_path() / ("tasks-bench-" + std::to_string(getpid()))).string();
  std::vector<row> rows = {{"vitals", {"vitals"}},
                           {"stack --group", {"stack", "--group"}},
                           {"stack", {"stack"}},
                           {"stack --json", {"stack", "--json"}},
                           {"tree", {"tree"}},
                           {"threads", {"threads"}},
                           {"why 5", {"why", "5"}},
                           {"channels", {"channels"}},
                           {"leaks", {"leaks"}},
                           {"operations", {"operations"}},
                           {"memory", {"memory"}},
                           {"report", {"report", "-o", file}},
                           {"stack --group --no-hook", {"stack", "--group", "--no-hook"}},
                           {"memory --no-hook", {"memory", "--no-hook"}}};
  for (const auto& count : counts) {
    const program target({TASKS_SCALE_TARGET, count});
    for (auto& each : rows) {
      std::vector<std::string> command = {tasks};
      command.insert(command.end(), each.words.begin(), each.words.end());
      command.insert(command.end(), {"-p", target.pid_text()});
      each.cells += " " + cell(command) + " |";
    }
  }
  std::filesystem::remove(file);
  std::printf("| view |");
  for (const auto& count : counts) std::printf(" %s tasks |", count.c_str());
  std::puts("");
  for (std::size_t i = 0; i <= counts.size(); ++i) std::printf("| --- ");
  std::puts("|");
  for (const auto& each : rows) std::printf("| `tasks %s` |%s\n", each.name, each.cells.c_str());
  std::fflush(stdout);
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

/// `tasks top` of a process on a terminal of its own.
struct live_view {
  double first_paint_ms = 0;  ///< until a row of tasks is there
  double cpu_percent = 0;     ///< of one CPU, of all the time that it ran
  long rss_kib = 0;
};

live_view watch_live(const std::string& tasks, const std::string& pid, std::chrono::seconds how_long) {
  winsize size{24, 80, 0, 0};
  int terminal = -1;
  const auto start = std::chrono::steady_clock::now();
  const auto since_start = [&] {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  };
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, &size);
  if (child < 0) throw std::runtime_error("forkpty");
  if (child == 0) {
    ::setenv("TERM", "xterm", 1);
    ::execl(tasks.c_str(), tasks.c_str(), "top", "-p", pid.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  live_view seen;
  std::string shown;
  const double end_ms = std::chrono::duration<double, std::milli>(how_long).count();
  while (since_start() < end_ms) {
    pollfd ready{terminal, POLLIN, 0};
    if (::poll(&ready, 1, 50) <= 0) continue;
    std::array<char, 4096> bytes{};
    const auto got = ::read(terminal, bytes.data(), bytes.size());
    if (got <= 0) break;
    if (seen.first_paint_ms != 0) continue;
    shown.append(bytes.data(), static_cast<std::size_t>(got));
    if (shown.find("channel receive") != shown.npos) seen.first_paint_ms = since_start();
  }
  if (::write(terminal, "q", 1) != 1) throw std::runtime_error("top has ended");
  int status = 0;
  rusage used{};
  ::wait4(child, &status, 0, &used);
  ::close(terminal);
  seen.cpu_percent = (seconds_of(used.ru_utime) + seconds_of(used.ru_stime)) / (since_start() / 1000) * 100;
  seen.rss_kib = used.ru_maxrss;
  return seen;
}

void live(const std::string& tasks, const std::string& count) {
  const program target({TASKS_SCALE_TARGET, count, "probe"});
  const auto seen = watch_live(tasks, target.pid_text(), std::chrono::seconds(60));
  std::printf("| %s | %.0f ms | %.1f %% | %.0f MiB |\n", count.c_str(), seen.first_paint_ms, seen.cpu_percent,
              static_cast<double>(seen.rss_kib) / 1024);
  std::fflush(stdout);
}

void kept(const std::string& tasks, const std::string& count) {
  const program target({TASKS_SCALE_TARGET, count, "probe"});
  const auto file = std::filesystem::temp_directory_path() / ("tasks-bench-" + target.pid_text() + ".tasks");
  const auto record = [&](const char* how_long) {
    std::filesystem::remove(file);
    return measure({tasks, "record", target.pid_text(), "-o", file, "--every", "0.05", "--for", how_long});
  };
  const auto row = [&](const std::string& name, const measured& took, const std::string& bytes) {
    std::printf("| %s, %s tasks | %.0f ms | %.0f MiB | %s |\n", name.c_str(), count.c_str(), took.ms,
                static_cast<double>(took.rss_kib) / 1024, bytes.c_str());
    std::fflush(stdout);
  };
  const auto size = [&] { return std::filesystem::file_size(file); };
  const auto one = record("0");
  const auto of_one = size();
  row("`tasks record`, a snapshot", one, std::to_string(of_one));
  const auto two = record("0.05");
  row("two of them; what the second adds", two, std::to_string(size() - of_one));
  row("`tasks diff` of the two", measure({tasks, "diff", "--from", file, "--at", "1", "--at", "2"}), "");
  row("`tasks stack --group --from`", median({tasks, "stack", "--group", "--from", file}, 3), "");
  const auto report = file.string() + ".report.tasks";
  const auto reported = measure({tasks, "report", target.pid_text(), "-o", report});
  row("`tasks report -o NAME.tasks`", reported, std::to_string(std::filesystem::file_size(report)));
  std::filesystem::remove(report);
  row("`tasks memory`", median({tasks, "memory", target.pid_text()}, 3), "");
  std::filesystem::remove(file);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string tasks = tasks::testing::tasks_executable();
  const std::string count = argc > 1 ? argv[1] : "1000000";
  std::vector<std::string> counts;
  for (const auto part : {1000, 100, 10, 1}) counts.push_back(std::to_string(std::max(std::stoi(count) / part, 1)));
  std::puts(
      "Every view, of tasks of three frames blocked on a channel: one run each, time and peak memory of the CLI:\n");
  all_views(tasks, counts);
  counts.erase(counts.begin(), counts.end() - 2);
  {
    program target({TASKS_SCALE_TARGET, count, "probe"});
    std::printf("\n%s tasks of three frames blocked on a channel (median of 3):\n\n", count.c_str());
    std::puts("| view | to the last byte | target's RSS | CLI's RSS | longest gap in the target |");
    std::puts("| --- | --- | --- | --- | --- |");
    view(target, "`tasks stack --group`", {tasks, "stack", "--group", "-p", target.pid_text()});
    view(target, "`tasks stack`", {tasks, "stack", "-p", target.pid_text()});
    view(target, "`tasks vitals`", {tasks, "vitals", "-p", target.pid_text()});
    view(target, "`tasks leaks`", {tasks, "leaks", "-p", target.pid_text()});
    view(target, "`tasks stack --group --no-hook`", {tasks, "stack", "--group", "--no-hook", "-p", target.pid_text()});
  }
  std::puts("\n`tasks top -p PID` on a terminal, for a minute:\n");
  std::puts("| tasks | first row of tasks | CPU, of one | its RSS |");
  std::puts("| --- | --- | --- | --- |");
  for (const auto& each : counts) live(tasks, each);
  std::puts("\nRecorded, and memory:\n");
  std::puts("| what | time | CLI's RSS | bytes in the file |");
  std::puts("| --- | --- | --- | --- |");
  for (const auto& each : counts) kept(tasks, each);
  std::puts("\nSmall targets (median of 21):\n");
  std::puts("| command | time |");
  std::puts("| --- | --- |");
  std::list<program> agents;
  for (int i = 0; i < 100; ++i) agents.emplace_back(std::vector<std::string>{TASKS_SCALE_TARGET, "10"});
  std::printf("| `true` (a process start) | %.1f ms |\n", median({"true", ""}, 21).ms);
  std::printf("| `tasks vitals`, 10 tasks | %.1f ms |\n",
              median({tasks, "vitals", "-p", agents.front().pid_text()}, 21).ms);
  std::printf("| `tasks list`, 100 agents | %.1f ms |\n", median({tasks, "list"}, 21).ms);
}
