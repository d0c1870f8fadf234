// What the hook tells of a process, and what is found in the same process without it, held against each other.
//
//   tasks stack -p PID            every task, by the program's own word
//   tasks stack -p PID --no-hook  every task, by symbols, debug information and memory

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iomanip>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "support/leak_case.hpp"
#include "support/program.hpp"
#include "support/view.hpp"
#include "type_names.hpp"

namespace tasks::testing {
namespace {

using lines = std::multiset<std::string>;

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

TEST(WithoutTheHook, AllTasksAreFoundWithTheirLinesAndWhatTheyWaitFor) {
  row all;
  std::cout << std::left << std::setw(44) << "program"
            << " tasks found functions lines waits" << std::endl;
  for (const std::string name : {"descriptors", "groups", "operations", "pool", "timers"}) {
    const program target({program_path(name)});
    all += compare(target, name);
  }
  for (const auto& each : leak_cases()) {
    leak_program target(each);
    all += compare(target.process(), each.name());
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
