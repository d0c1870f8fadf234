#include "library_names.hpp"

#include <algorithm>
#include <string>

namespace tasks::detail {
namespace {

template <class Words>
bool begins_with_one(std::string_view text, const Words& words) {
  return std::any_of(words.begin(), words.end(), [text](std::string_view word) { return text.starts_with(word); });
}

template <class Words>
bool ends_with_one(std::string_view text, const Words& words) {
  return std::any_of(words.begin(), words.end(), [text](std::string_view word) { return text.ends_with(word); });
}

/// Of libraries that run no tasks themselves, but are written with those that do.
constexpr std::array<std::string_view, 2> relatives = {"boost::beast::", "boost::system::"};

constexpr std::array<std::string_view, 2> hooks = {"tasks::detail::", "tasks_asio::"};

bool owns(const library_names& of, std::string_view function) {
  if (begins_with_one(function, of.scopes)) return true;
  const auto scope = function.substr(0, function.find("::"));
  return scope.size() != function.size() && begins_with_one(scope, of.helpers_begin) &&
         ends_with_one(scope, of.helpers_end);
}

}  // namespace

bool is_plumbing(std::string_view function) {
  return begins_with_one(function, hooks) ||
         std::any_of(named_libraries.begin(), named_libraries.end(),
                     [&](const library_names& each) { return owns(each, function); });
}

bool is_mangled_plumbing(std::string_view symbol) {
  // Itanium C++ ABI, 5.1: _Z, then a Z for each function it is local to, then N, qualifiers, and names with their
  // lengths.
  if (!symbol.starts_with("_Z")) return false;
  symbol.remove_prefix(std::min(symbol.find_first_not_of('Z', 1), symbol.size()));
  if (!symbol.starts_with('N')) return false;
  symbol.remove_prefix(std::min(symbol.find_first_not_of("NrVKRO"), symbol.size()));
  std::string name;
  for (std::size_t length = 0; !symbol.empty() && symbol[0] >= '0' && symbol[0] <= '9'; length = 0) {
    while (!symbol.empty() && symbol[0] >= '0' && symbol[0] <= '9' && length < symbol.size()) {
      length = length * 10 + static_cast<std::size_t>(symbol[0] - '0');
      symbol.remove_prefix(1);
    }
    if (length > symbol.size()) return false;
    name.append(symbol.substr(0, length)).append("::");
    symbol.remove_prefix(length);
  }
  return is_plumbing(name);
}

bool resumes_task(std::string_view bare_function) {
  return std::any_of(named_libraries.begin(), named_libraries.end(),
                     [&](const library_names& each) { return ends_with_one(bare_function, each.resume_tasks); });
}

bool lends_thread(std::string_view bare_function) {
  return resumes_task(bare_function) ||
         std::any_of(named_libraries.begin(), named_libraries.end(),
                     [&](const library_names& each) { return ends_with_one(bare_function, each.run_handlers); });
}

std::string_view as_written(std::string_view type) {
  for (const auto space : relatives)
    if (type.starts_with(space)) return type.substr(space.size());
  // As g++ has it where a namespace was renamed: net::basic_stream_socket.
  if (type.starts_with("net::basic_") || type.starts_with("net::ip::")) type.remove_prefix(5);
  if (type.starts_with("ip::tcp") || type.starts_with("ip::udp") || type.starts_with("ip::basic_"))
    return type.substr(4);
  for (const auto& each : named_libraries) {
    if (!begins_with_one(type, each.scopes)) continue;
    for (const auto space : each.unwritten)
      if (type.starts_with(space)) type.remove_prefix(space.size());
    break;
  }
  return type;
}

}  // namespace tasks::detail
