#include "operation_names.hpp"

#include <array>
#include <utility>
#include <vector>

#include "type_names.hpp"

namespace tasks::detail {
namespace {

std::string_view without_scope(std::string_view name, std::string_view scope) {
  if (name.starts_with(scope)) name.remove_prefix(scope.size());
  return name;
}

/// The last part of a name without template arguments: "socket" of "tcp::socket".
std::string_view last_part(std::string_view bare) {
  const auto at = bare.rfind("::");
  return at == bare.npos ? bare : bare.substr(at + 2);
}

/// The parameters of a function, the last ones in its name.
std::vector<std::string> parameters_of(std::string_view function) {
  if (!function.ends_with(')')) return {};
  int depth = 0;
  for (auto i = function.size(); i-- > 0;) {
    const char c = function[i];
    if (c == ')' || c == ']' || c == '}' || (c == '>' && (i == 0 || function[i - 1] != '-'))) ++depth;
    if ((c == '(' || c == '[' || c == '{' || c == '<') && --depth == 0)
      return split_arguments(function.substr(i + 1, function.size() - i - 2), ',');
  }
  return {};
}

/// Template arguments that a type's name ends with.
std::vector<std::string> arguments_of(std::string_view type) {
  const auto open = type.find('<');
  if (open == type.npos || !type.ends_with('>') || matching_close(type, open) != type.size() - 1) return {};
  return split_arguments(type.substr(open + 1, type.size() - open - 2), ',');
}

/// What an object of this type is called: timer, socket, channel, acceptor, …
std::string_view noun_of(std::string_view bare_type) {
  const auto name = last_part(bare_type);
  for (const std::string_view noun : {"timer", "socket", "channel", "acceptor", "resolver", "parallel_group", "pipe"})
    if (name.ends_with(noun)) return noun;
  return name;
}

/// "async_read" of what the library calls the beginning of it.
std::string operation_of(std::string_view name) {
  constexpr std::array<std::string_view, 10> variants = {
      "_buffer_sequence", "_dynbuf_v1", "_dynbuf_v2", "_delim_string", "_delim",
      "_match",           "_expr",      "_v1",        "_v2",           "_with_executor"};
  for (bool more = true; more;) {
    more = false;
    for (const auto variant : variants) {
      if (!name.ends_with(variant)) continue;
      name.remove_suffix(variant.size());
      more = true;
    }
  }
  if (name == "async_range_connect" || name == "async_iterator_connect") name = "async_connect";
  return std::string(name) + "()";
}

/// The function that a closure's type is written in: db::async_acquire of "db::async_acquire<T>(int)::<lambda(auto)>".
std::string function_around(std::string_view closure) {
  const auto at = closure.find("::<lambda");
  return at == closure.npos ? std::string() : bare_name(closure.substr(0, at));
}

/// "<lambda at server.cpp:92>" of clang's "(lambda at /src/server.cpp:92:55)"; empty for anything else.
std::string clangs_lambda(std::string_view type) {
  constexpr std::string_view begin = "(lambda at ";
  if (!type.starts_with(begin) || !type.ends_with(')')) return {};
  auto place = type.substr(begin.size(), type.size() - begin.size() - 1);
  if (const auto slash = place.rfind('/'); slash != place.npos) place.remove_prefix(slash + 1);
  return "<lambda at " + std::string(place.substr(0, place.rfind(':'))) + ">";
}

/// What a task begins with: a closure tells, an awaitable that exists already does not.
std::string begins_with(std::string_view function) {
  if (auto lambda = clangs_lambda(function); !lambda.empty()) return lambda;
  return function.ends_with('>') && function.find("::<lambda") != function.npos ? std::string(function) : std::string();
}

/// What an initiation's type begins; `parameters`: of the function that it is given to, the type first.
std::string initiated(const std::vector<std::string>& parameters) {
  std::string_view type = parameters.front();
  if (auto around = function_around(type); !around.empty()) return around + "()";
  if (auto lambda = clangs_lambda(type); !lambda.empty()) return lambda;
  const auto bare = bare_name(type);
  const auto name = last_part(bare);
  constexpr std::string_view prefix = "initiate_";
  if (name == "initiate_composed_op") {
    // The steps of the operation stand behind the token.
    for (std::size_t i = 2; i < parameters.size(); ++i)
      if (auto around = function_around(parameters[i]); !around.empty()) return around + "()";
    return {};
  }
  // Beast's: websocket::stream<…>::run_close_op.
  if (name.starts_with("run_") && name.ends_with("_op")) {
    const auto scope = std::string_view(bare).substr(0, bare.size() - name.size() - 2);
    return std::string(noun_of(scope)) + ".async_" + std::string(name.substr(4, name.size() - 7)) + "()";
  }
  if (!name.starts_with(prefix)) return bare;
  const auto scope = bare.substr(0, bare.size() - name.size());
  const auto operation = operation_of(name.substr(prefix.size()));
  if (scope.empty() || scope == "detail::" || scope.ends_with("::detail::")) return operation;
  return std::string(noun_of(std::string_view(scope).substr(0, scope.size() - 2))) + "." + operation;
}

/// "std::chrono::system_clock" of "system_timer::initiate_async_wait", the type of Boost's times of a deadline_timer.
std::string clock_of(std::string_view initiation) {
  constexpr std::string_view wait = "::initiate_async_wait";
  if (!initiation.ends_with(wait)) return {};
  const auto timer = initiation.substr(0, initiation.size() - wait.size());
  for (const std::string_view clock : {"steady", "system", "high_resolution"})
    if (timer == std::string(clock) + "_timer") return "std::chrono::" + std::string(clock) + "_clock";
  const auto bare = bare_name(timer);
  const auto name = last_part(bare);
  auto arguments = arguments_of(timer);
  const bool is_timer = name == "basic_waitable_timer" || name == "basic_deadline_timer";
  return is_timer && !arguments.empty() ? std::move(arguments.front()) : std::string();
}

library_frame::waiter waiter_of(std::string_view handler) {
  handler = without_scope(handler, "detail::");
  if (handler == "detached_handler") return library_frame::waiter::nobody;
  if (handler.starts_with("awaitable_handler<") || handler.starts_with("awaitable_async_op_handler<"))
    return library_frame::waiter::coroutine;
  const std::size_t inner = handler.starts_with("parallel_group_op_handler<")          ? 2
                            : handler.starts_with("ranged_parallel_group_op_handler<") ? 1
                                                                                       : 0;
  if (inner == 0) return library_frame::waiter::unknown;
  const auto arguments = arguments_of(handler);
  return inner < arguments.size() ? waiter_of(arguments[inner]) : library_frame::waiter::unknown;
}

library_frame read_entry(std::string_view readable) {
  library_frame entry{library_frame::kind::entry, library_frame::waiter::unknown, {}, {}};
  auto parameters = parameters_of(readable);
  if (parameters.size() == 2) {
    // Since Asio 1.24: (awaitable<T>*, co_spawn_state<Handler, Executor, Function>).
    auto state = arguments_of(parameters[1]);
    if (!state.empty() && state.back() == "void") state.pop_back();
    if (state.size() < 2) return entry;
    entry.waits = waiter_of(state.front());
    entry.text = begins_with(state.back());
  } else if (parameters.size() == 4) {
    // (awaitable<T>*, Executor, Function, Handler)
    entry.waits = waiter_of(parameters[3]);
    entry.text = begins_with(parameters[2]);
  }
  return entry;
}

}  // namespace

library_frame read_library_frame(std::string_view readable) {
  const auto bare = bare_name(readable);
  if (bare.ends_with("::co_spawn_entry_point")) return read_entry(readable);
  for (const std::string_view sign : {"&&", "||"})
    if (bare.ends_with("::awaitable_operators::operator" + std::string(sign)))
      return {library_frame::kind::join, library_frame::waiter::unknown, "(… " + std::string(sign) + " …)", {}};
  if (!bare.ends_with("::async_result::initiate")) return {};
  const auto parameters = parameters_of(readable);
  if (parameters.empty()) return {};
  return {library_frame::kind::operation, library_frame::waiter::unknown, initiated(parameters),
          clock_of(parameters.front())};
}

}  // namespace tasks::detail
