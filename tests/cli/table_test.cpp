// Tables, and the list, which is one.

#include <gtest/gtest.h>

#include "base/table.hpp"
#include "views/list.hpp"

namespace tasks::cli {
namespace {

TEST(Table, CountsCodePointsNotBytes) {
  fmt::memory_buffer out;
  render_table(out, {{true}, {}}, {{"1 ×", "a"}, {"10 ×", "b"}}, "", {});
  EXPECT_EQ(fmt::to_string(out), " 1 ×  a\n10 ×  b\n");
  EXPECT_EQ(cut("häßlich", 4), "häß…");
  EXPECT_EQ(cut("kurz", 4), "kurz");
}

/// Names of programs and threads are whatever somebody has called them.
TEST(Table, HasNoControlCharactersInItsCells) {
  fmt::memory_buffer out;
  render_table(out, {{}, {}}, {{"a\x1b[31mb\n", "c"}, {"d", "\x7f\x01"}}, "", {});
  EXPECT_EQ(fmt::to_string(out), "a?[31mb?  c\nd         ??\n");
}

v1::ProcessView process(std::uint32_t pid, std::uint64_t tasks, double uptime, std::string finding = "") {
  v1::ProcessView p;
  p.set_pid(pid);
  p.set_ppid(1);
  p.set_agent(v1::ProcessView::ANSWERED);
  p.set_tasks(tasks);
  p.set_blocked(tasks);
  p.set_os_threads(3);
  p.set_uptime_seconds(uptime);
  p.set_name("lab");
  if (!finding.empty()) p.add_findings(finding);
  return p;
}

std::string listed(std::vector<v1::ProcessView> processes) {
  v1::ListView view;
  for (auto& p : processes) *view.add_processes() = p;
  fmt::memory_buffer out;
  render_list(out, view, {});
  return fmt::to_string(out);
}

TEST(List, HasItsColumnsBelowItsHeadersInAPipeToo) {
  EXPECT_EQ(listed({process(7, 5, 3), process(4194304, 1'234'567, 11'545)}),
            "    PID    PPID    TASKS  BLOCKED  THREADS  UPTIME  PROGRAM\n"
            "      7*      1        5        5        3  3s      lab\n"
            "4194304*      1  1234567  1234567        3  3h12m   lab\n");
  EXPECT_EQ(listed({process(7, 5, 3), process(512, 1, 0, "lost tasks")}),
            "   PID     PPID  TASKS  BLOCKED  THREADS  UPTIME  PROGRAM\n"
            "     7*       1      5        5        3  3s      lab\n"
            "   512*!      1      1        1        3  <1s     lab\n");
}

TEST(Cell, KeepsAFunctionsOwnNameLongest) {
  const std::string name =
      "company::platform::networking::transport::session<tcp_stream>::acquire_connection_with_retry(std::map<int, "
      "std::function<void(int)>>&, std::string)";
  EXPECT_EQ(cut_function(name, 200), name);
  EXPECT_EQ(cut_function(name, 95),
            "company::platform::networking::transport::session<tcp_stream>::acquire_connection_with_retry(…)");
  EXPECT_EQ(cut_function(name, 90),
            "company::platform::networking::transport::session<…>::acquire_connection_with_retry(…)");
  EXPECT_EQ(cut_function(name, 60), "…transport::session<…>::acquire_connection_with_retry(…)");
  EXPECT_EQ(cut_function(name, 35), "…acquire_connection_with_retry(…)");
  EXPECT_EQ(cut_function(name, 12), "acquire_con…");
  EXPECT_EQ(cut_function("main()::<lambda(std::shared_ptr<chan>, int)>::<lambda()>", 40),
            "main()::<lambda(…)>::<lambda()>");
  EXPECT_EQ(cut_function("a name that is no function's", 8), "a name …");
  EXPECT_EQ(cut_function("f((((", 3), "f(…");
}

}  // namespace
}  // namespace tasks::cli
