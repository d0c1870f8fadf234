#include "base/words.hpp"

#include <fmt/format.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/nearest.hpp"
#include "wait_names.hpp"

namespace tasks::cli {
namespace {

using v1::Task;
using v1::Wait;

constexpr std::array<std::pair<Task::State, std::string_view>, 3> states = {{
    {Task::READY, "ready"},
    {Task::RUNNING, "running"},
    {Task::BLOCKED, "blocked"},
}};

std::string normal(std::string_view text) {
  std::string word(text);
  for (auto& c : word) {
    if (c == '-' || c == '_') c = ' ';
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return word;
}

template <class Table>
auto find_word(const Table& table, std::string_view text) -> std::optional<typename Table::value_type::first_type> {
  const auto word = normal(text);
  for (const auto& [value, name] : table) {
    if (name == word) return value;
  }
  return std::nullopt;
}

template <class Table>
std::vector<std::string> words(const Table& table) {
  std::vector<std::string> all;
  for (const auto& [value, name] : table) {
    all.emplace_back(name);
    std::replace(all.back().begin(), all.back().end(), ' ', '-');
  }
  return all;
}

}  // namespace

std::string_view kind_name(Wait::Kind kind) {
  return detail::wait_name(Wait::Kind_IsValid(kind) ? static_cast<layout::wait_kind>(kind) : layout::wait_kind::other);
}

std::string_view state_name(Task::State state) {
  for (const auto& [value, name] : states) {
    if (value == state) return name;
  }
  return "unknown";
}

std::optional<Wait::Kind> parse_kind(std::string_view text) {
  auto word = normal(text);
  constexpr std::string_view state = "blocked: ";
  if (word.starts_with(state)) word.erase(0, state.size());
  for (const std::string_view refined : {"pipe ", "file "})
    if (word.starts_with(refined)) word.replace(0, refined.size(), "descriptor ");
  const auto kind = find_word(detail::wait_names, word);
  if (!kind) return std::nullopt;
  return static_cast<Wait::Kind>(*kind);
}
std::string nearest_kind(std::string_view text) {
  auto all = kind_words();
  for (const auto* refined : {"pipe-", "file-"})
    for (const auto* what : {"read", "write", "wait"}) all.push_back(std::string(refined) + what);
  auto typed = normal(text);
  std::replace(typed.begin(), typed.end(), ' ', '-');
  return std::string(nearest(typed, std::vector<std::string_view>(all.begin(), all.end())));
}
std::optional<Task::State> parse_state(std::string_view text) { return find_word(states, text); }
std::vector<std::string> kind_words() { return words(detail::wait_names); }
std::vector<std::string> state_words() { return words(states); }

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", signal);
}

}  // namespace tasks::cli
