// What the hook tells of a process, and what is found in the same process without it, held against each other.
//
//   tasks stack -p PID            every task, by the program's own word
//   tasks stack -p PID --no-hook  every task, by symbols, debug information and memory

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/client.hpp"
#include "support/leak_case.hpp"
#include "support/program.hpp"
#include "support/view.hpp"
#include "type_names.hpp"

namespace tasks::testing {
namespace {

using lines = std::multiset<std::string>;

/// That has built this, and the programs with it.
#if defined(__clang__)
constexpr std::string_view compiler = "clang";
#else
constexpr std::string_view compiler = "g++";
#endif

/// Without arguments: the hook's names are spelled as in a source, the others with every namespace.
std::string functions_of(const v1::TaskView& task) {
  std::string text = v1::Task_State_Name(task.state());
  for (const auto& frame : task.frames()) text += "\n  " + detail::bare_name(frame.function());
  return text;
}

std::string lines_of(const v1::TaskView& task) {
  std::string text = v1::Task_State_Name(task.state());
  for (const auto& frame : task.frames())
    text += "\n  " + detail::bare_name(frame.function()) + ' ' + frame.file() + ':' + std::to_string(frame.line());
  return text;
}

std::string words_of(const v1::WaitView& wait) {
  std::string text = v1::Wait_Kind_Name(wait.kind());
  if (wait.has_fd()) text += " fd " + std::to_string(wait.fd());
  if (wait.has_capacity()) text += " capacity " + std::to_string(wait.capacity());
  if (wait.has_never_expires()) text += wait.never_expires() ? " never expires" : " expires";
  const bool is_told = wait.kind() == v1::Wait::TIMER || wait.has_capacity();
  return is_told ? text + " at " + wait.object() : text;
}

std::string wait_of(const v1::TaskView& task) {
  auto text = lines_of(task) + "\n  waits: " + words_of(task.wait());
  std::vector<std::string> also;
  for (const auto& each : task.also()) also.push_back(words_of(each));
  std::sort(also.begin(), also.end());
  for (const auto& each : also) text += "\n  and: " + each;
  return task.awaited() ? text + "\n  is awaited" : text;
}

template <class Say>
lines all_of(const v1::StackView& stacks, Say say) {
  lines said;
  for (const auto& task : stacks.tasks()) said.insert(say(task));
  return said;
}

std::size_t in_both(const lines& a, const lines& b) {
  std::vector<std::string> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both.size();
}

/// What only one of them has, for whoever mends it.
std::string differences(const lines& hooked, const lines& found) {
  std::string text;
  for (const auto& each : hooked)
    if (hooked.count(each) > found.count(each)) text += "the hook alone: " + each + "\n";
  for (const auto& each : found)
    if (found.count(each) > hooked.count(each)) text += "found alone: " + each + "\n";
  return text;
}

struct row {
  std::size_t tasks = 0, found = 0, functions = 0, places = 0, waits = 0;
  void operator+=(const row& other) {
    tasks += other.tasks, found += other.found, functions += other.functions, places += other.places;
    waits += other.waits;
  }
};

void print(const std::string& name, const row& of) {
  std::cout << std::left << std::setw(44) << name << std::right << std::setw(6) << of.tasks << std::setw(6) << of.found
            << std::setw(10) << of.functions << std::setw(6) << of.places << std::setw(6) << of.waits << std::endl;
}

row compare(const program& target, const std::string& name) {
  const auto look = [&] { return view<v1::StackView>({"stack", target.pid_text(), "--all-frames"}); };
  auto hooked = look();
  v1::StackView found;
  // Of a program that has just begun only a look at rest says what the other one should have found.
  const auto until = std::chrono::steady_clock::now() + guard;
  for (bool rests = false; !rests && std::chrono::steady_clock::now() < until;) {
    found = view<v1::StackView>({"stack", target.pid_text(), "--all-frames", "--no-hook"});
    auto after = look();
    rests = all_of(hooked, wait_of) == all_of(after, wait_of);
    hooked = std::move(after);
  }
  row its;
  its.tasks = static_cast<std::size_t>(hooked.tasks_size());
  its.found = static_cast<std::size_t>(found.tasks_size());
  its.functions = in_both(all_of(hooked, functions_of), all_of(found, functions_of));
  its.places = in_both(all_of(hooked, lines_of), all_of(found, lines_of));
  const auto told = all_of(hooked, wait_of), seen = all_of(found, wait_of);
  its.waits = in_both(told, seen);
  print(name, its);
  if (its.waits != its.tasks) std::cout << differences(told, seen) << std::endl;
  return its;
}

/// In per cent.
double share(std::size_t part, std::size_t whole) {
  return 100 * static_cast<double>(part) / static_cast<double>(whole);
}

constexpr std::uint16_t echo_port = 55555, timeout_port = 54321;

/// A server that sends back what two clients say.
row compare_served(const program& target, const std::string& name, std::uint16_t port) {
  client first = connect_when_listening(port), second(port);
  for (client* each : {&first, &second}) {
    each->send("hello\n");
    static_cast<void>(each->receive(6));
  }
  return compare(target, name);
}

row compare_lab(const std::string& lab, const std::string& leak) {
  std::vector<std::string> argv{program_path(lab)};
  if (!leak.empty()) argv.insert(argv.end(), {"--leak", leak});
  const program target(argv);
  const auto port = static_cast<std::uint16_t>(std::stoi(target.value("port")));
  return compare_served(target, leak.empty() ? lab : lab + " --leak " + leak, port);
}

row compare_labs() {
  row all;
  for (const std::string lab : {"lab", "lab_boost"}) {
    if (!std::filesystem::exists(program_path(lab))) continue;
    for (const std::string leak : {"", "send", "receive", "cycle", "close", "timer"}) all += compare_lab(lab, leak);
  }
  return all;
}

/// The names of those that are built at several levels of optimization end in it.
constexpr std::array levels = {0, 1, 2, 3};

/// A row for each level.
std::array<row, levels.size()> compare_levels() {
  std::array<row, levels.size()> of;
  for (const auto level : levels) {
    auto& its = of.at(static_cast<std::size_t>(level));
    const auto end = "_" + std::to_string(level);
    for (const std::string begin : {"locals", "sleepers", "spawn_sites"}) {
      if (!std::filesystem::exists(program_path(begin + end))) continue;
      const program target({program_path(begin + end)});
      its += compare(target, begin + end);
    }
    for (const std::string leak : {"", "cycle"}) its += compare_lab("lab" + end, leak);
  }
  return of;
}

/// Asio's own, as they are shipped.
row compare_examples() {
  row all;
  for (const std::string kind : {"standalone", "boost"}) {
    for (const std::string name :
         {"echo_server", "echo_server_with_as_single_default", "echo_server_with_as_tuple_default",
          "echo_server_with_default", "echo_server_with_deferred", "echo_server_with_deferred_default",
          "refactored_echo_server", "chat_server", "timeout"}) {
      const auto example = "example_" + kind + '_' + name;
      if (!std::filesystem::exists(program_path(example))) continue;
      const program target(program::unready{}, {program_path(example), std::to_string(echo_port)});
      all += compare_served(target, example, name == "timeout" ? timeout_port : echo_port);
    }
  }
  return all;
}

TEST(WithoutTheHook, AllTasksAreFoundWithTheirLinesAndWhatTheyWaitFor) {
  row all;
  std::cout << std::left << std::setw(44) << "program"
            << " tasks found functions lines waits" << std::endl;
  for (const std::string name :
       {"composed", "descriptors", "failures", "groups", "holders", "operations", "pool", "timers", "timers_boost"}) {
    if (!std::filesystem::exists(program_path(name))) continue;
    const program target({program_path(name)});
    all += compare(target, name);
  }
  for (const auto& each : leak_cases()) {
    leak_program target(each);
    all += compare(target.process(), each.name());
  }
  all += compare_labs();
  all += compare_examples();
  const auto of_levels = compare_levels();
  for (const auto level : levels) {
    const auto& its = of_levels.at(static_cast<std::size_t>(level));
    print(std::string(compiler) + " -O" + std::to_string(level), its);
    EXPECT_EQ(its.found, its.tasks);
    EXPECT_EQ(its.functions, its.tasks);
    all += its;
  }
  print("all", all);
  ASSERT_NE(all.tasks, 0U);
  EXPECT_EQ(all.found, all.tasks);
  EXPECT_EQ(all.functions, all.tasks);
  EXPECT_GE(share(all.places, all.tasks), 99);
  EXPECT_GE(share(all.waits, all.tasks), 98);
}

}  // namespace
}  // namespace tasks::testing
