#include "views/same_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace tasks::cli {
namespace {

using word_list = std::vector<std::string>;
using indices = std::vector<std::size_t>;

/// How many word_list all begin with.
std::size_t common_begin(const std::vector<word_list>& all) {
  std::size_t count = 0;
  const auto has = [&](const word_list& each) { return count < each.size() && each[count] == all.front()[count]; };
  while (std::all_of(all.begin(), all.end(), has)) ++count;
  return count;
}

/// Replaces what all begin with and end with by "…".
std::vector<std::string> what_differs(std::vector<word_list> all, std::string_view between) {
  const auto begin = common_begin(all);
  for (auto& each : all) {
    each.erase(each.begin(), each.begin() + static_cast<std::ptrdiff_t>(begin));
    std::reverse(each.begin(), each.end());
  }
  const auto end = common_begin(all);
  std::vector<std::string> texts;
  for (auto& each : all) {
    each.erase(each.begin(), each.begin() + static_cast<std::ptrdiff_t>(end));
    if (end != 0) each.insert(each.begin(), "…");
    if (begin != 0) each.emplace_back("…");
    if (each.size() == 2 && begin != 0 && end != 0) each.pop_back();
    std::reverse(each.begin(), each.end());
    texts.push_back(fmt::format("{}", fmt::join(each, between)));
  }
  return texts;
}

word_list components(std::string_view path) {
  word_list all;
  for (std::size_t begin = path.find('/'); begin != path.npos;) {
    const auto end = path.find('/', begin + 1);
    all.emplace_back(path.substr(begin + 1, end == path.npos ? end : end - begin - 1));
    begin = end;
  }
  return all;
}

/// Processes with the same arguments, by their directories.
void tell_by_directory(const v1::ListView& list, const indices& which, std::vector<std::string>& told) {
  std::vector<word_list> paths;
  for (const auto i : which) paths.push_back(components(list.processes(static_cast<int>(i)).directory()));
  const bool differ =
      std::any_of(paths.begin(), paths.end(), [&](const word_list& each) { return each != paths.front(); });
  if (!differ) return;
  const auto texts = what_differs(std::move(paths), "/");
  for (std::size_t i = 0; i < which.size(); ++i) {
    auto& text = told[which[i]];
    const bool is_cut = texts[i].starts_with("…");
    if (list.processes(static_cast<int>(which[i])).directory().empty()) continue;
    text += fmt::format("{}in {}{}", text.empty() ? "" : "  ", is_cut ? "" : "/", texts[i]);
  }
}

void tell(const v1::ListView& list, const indices& which, std::vector<std::string>& told) {
  std::vector<word_list> arguments;
  std::map<word_list, indices> alike;
  for (const auto i : which) {
    const auto& its = list.processes(static_cast<int>(i)).arguments();
    arguments.emplace_back(its.begin(), its.end());
    alike[arguments.back()].push_back(i);
  }
  if (alike.size() > 1) {
    const auto texts = what_differs(arguments, " ");
    for (std::size_t i = 0; i < which.size(); ++i)
      told[which[i]] = arguments[i].empty() ? "without arguments" : texts[i];
  }
  for (const auto& [its, processes] : alike)
    if (processes.size() > 1) tell_by_directory(list, processes, told);
}

}  // namespace

std::vector<std::string> told_apart(const v1::ListView& list) {
  std::vector<std::string> told(static_cast<std::size_t>(list.processes_size()));
  std::map<std::string_view, indices> by_name;
  for (std::size_t i = 0; i < told.size(); ++i) by_name[list.processes(static_cast<int>(i)).name()].push_back(i);
  for (const auto& [name, which] : by_name)
    if (which.size() > 1) tell(list, which, told);
  return told;
}

}  // namespace tasks::cli
