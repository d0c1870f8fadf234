#include "symbols/libraries.hpp"

#include <algorithm>

namespace tasks::cli {
namespace {

template <class Words>
bool begins_with_one(std::string_view text, const Words& words) {
  return std::any_of(words.begin(), words.end(), [text](std::string_view word) { return text.starts_with(word); });
}

template <class Words>
bool ends_with_one(std::string_view text, const Words& words) {
  return std::any_of(words.begin(), words.end(), [text](std::string_view word) { return text.ends_with(word); });
}

constexpr std::array<std::string_view, 2> hooks = {"tasks::detail::", "tasks_asio::"};

bool owns(const library& of, std::string_view function) {
  if (begins_with_one(function, of.scopes)) return true;
  const auto scope = function.substr(0, function.find("::"));
  return scope.size() != function.size() && begins_with_one(scope, of.helpers_begin) &&
         ends_with_one(scope, of.helpers_end);
}

}  // namespace

bool is_plumbing(std::string_view function) {
  return begins_with_one(function, hooks) ||
         std::any_of(libraries.begin(), libraries.end(), [&](const library& each) { return owns(each, function); });
}

bool resumes_task(std::string_view bare_function) {
  return std::any_of(libraries.begin(), libraries.end(),
                     [&](const library& each) { return ends_with_one(bare_function, each.resume_tasks); });
}

bool lends_thread(std::string_view bare_function) {
  return resumes_task(bare_function) || std::any_of(libraries.begin(), libraries.end(), [&](const library& each) {
           return ends_with_one(bare_function, each.run_handlers);
         });
}

std::string_view as_written(std::string_view type) {
  for (const auto& each : libraries) {
    if (!begins_with_one(type, each.scopes)) continue;
    for (const auto space : each.unwritten)
      if (type.starts_with(space)) type.remove_prefix(space.size());
    break;
  }
  return type;
}

}  // namespace tasks::cli
