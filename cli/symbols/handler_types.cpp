#include "symbols/handler_types.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "demangle.hpp"
#include "names.hpp"
#include "type_names.hpp"

namespace tasks::cli {
namespace {

struct wrapper {
  std::string_view name;
  std::size_t argument;
};

constexpr std::size_t last = 99;

/// Operations and what they keep; those that are called …_op and are not here have their handler last.
constexpr std::array<wrapper, 41> wrappers = {{
    {"wait_handler", 0},
    {"reactive_socket_recv_op", 1},
    {"reactive_socket_recvfrom_op", 2},
    {"reactive_socket_recvmsg_op", 1},
    {"reactive_null_buffers_op", 0},
    {"reactive_socket_send_op", 1},
    {"reactive_socket_sendto_op", 2},
    {"reactive_socket_accept_op", 2},
    {"reactive_socket_move_accept_op", 2},
    {"reactive_socket_connect_op", 0},
    {"reactive_wait_op", 0},
    {"descriptor_read_op", 1},
    {"descriptor_write_op", 1},
    {"signal_handler", 0},
    {"resolve_query_op", 1},
    {"resolve_endpoint_op", 1},
    {"channel_receive_op", 1},
    {"channel_send_op", 1},
    {"executor_op", 0},
    {"completion_handler", 0},
    {"complete", 0},  // executor_function's
    {"impl", 0},      // the same
    {"binder0", 0},
    {"binder1", 0},
    {"binder2", 0},
    {"move_binder1", 0},
    {"move_binder2", 0},
    {"channel_handler", 1},
    {"work_dispatcher", 0},
    {"composed_op", 2},
    {"executor_binder", 0},
    {"allocator_binder", 0},
    {"cancellation_slot_binder", 0},
    {"immediate_executor_binder", 0},
    {"append_handler", 0},
    {"prepend_handler", 0},
    {"consign_handler", 0},
    {"redirect_error_handler", 0},
    {"as_tuple_handler", 0},
    {"wrapped_handler", 1},
    {"rewrapped_handler", 1},
}};

bool is_librarys(std::string_view type) {
  for (const std::string_view scope : {"asio::", "boost::asio::", "boost::beast::"})
    if (type.starts_with(scope)) return true;
  return false;
}

std::string_view last_part(std::string_view name) {
  const auto scope = name.rfind("::");
  return scope == name.npos ? name : name.substr(scope + 2);
}

/// "name" and "arguments" of "name<arguments>".
struct template_parts {
  std::string_view name, arguments;
};

std::optional<template_parts> parts_of(std::string_view type) {
  if (!type.ends_with('>')) return std::nullopt;
  const auto open = detail::matching_open_angle(type, type.size() - 1);
  if (open == type.npos || open == 0) return std::nullopt;
  return template_parts{type.substr(0, open), type.substr(open + 1, type.size() - open - 2)};
}

std::string_view without_reference(std::string_view type) {
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view tail : {" const", "&", "*", " "})
      if (type.ends_with(tail)) {
        type.remove_suffix(tail.size());
        again = true;
      }
  }
  return type;
}

/// Whose handler a type is that wraps nothing any more; empty: it is somebody's own.
std::optional<handler_type::kind> special(std::string_view type) {
  using enum handler_type::kind;
  if (!is_librarys(type)) return std::nullopt;
  const auto parts = parts_of(type);
  const auto name = last_part(parts ? parts->name : type);
  for (const std::string_view awaits : {"awaitable_handler", "awaitable_async_op_handler", "parallel_group_op_handler",
                                        "ranged_parallel_group_op_handler", "awaitable_as_single_handler"})
    if (name == awaits) return task;
  if (type.find("::co_spawn_entry_point") != type.npos || name == "co_spawn_state") return task;
  if (name == "spawn_handler" || name == "coro_handler" || name == "spawn_entry_point" || name == "spawn_helper")
    return stackful;
  if (name == "executor_function") return function;
  if (name == "invoker") return strand;
  return std::nullopt;
}

/// The class, with its arguments, whose function it is.
std::optional<std::string> class_of(std::string_view function) {
  constexpr std::string_view complete = "executor_function::complete<";
  if (const auto at = function.find(complete); at != function.npos) {
    const auto open = at + complete.size() - 1;
    const auto close = detail::matching_close(function, open);
    // Of another operation it may be an argument.
    const bool is_own = function.substr(0, at).find('<') == function.npos;
    if (close != function.npos && is_own)
      return "asio::complete" + std::string(function.substr(open, close - open + 1));
  }
  for (const std::string_view member : {"::do_complete(", "::do_action(", "::do_process(", "::do_immediate("})
    if (const auto at = function.rfind(member); at != function.npos) return std::string(function.substr(0, at));
  return std::nullopt;
}

}  // namespace

std::optional<std::size_t> wrapped_argument(std::string_view name, std::size_t count) {
  const auto own = last_part(name);
  const auto known = std::find_if(wrappers.begin(), wrappers.end(), [own](const wrapper& w) { return w.name == own; });
  auto argument = last;
  if (known != wrappers.end())
    argument = known->argument;
  else if (own == "read_op" || own == "write_op" || own == "io_op" || own.find("_op") != own.npos)
    argument = count - 1;
  return argument < count ? std::optional(argument) : std::nullopt;
}

std::string demangled_symbol(std::string_view symbol) {
  std::string text(symbol.substr(0, detail::longest_name));
  auto name = detail::demangle(text);
  return name ? *std::move(name) : text;
}

std::optional<handler_type> handler_of(std::string_view symbol) {
  const auto function = demangled_symbol(symbol);
  auto type = class_of(function);
  if (!type) return std::nullopt;
  constexpr int deepest = 64;
  for (int depth = 0; depth < deepest; ++depth) {
    *type = std::string(without_reference(*type));
    if (const auto is = special(*type)) return handler_type{*is, *std::move(type)};
    const auto parts = parts_of(*type);
    if (!parts || (depth != 0 && !is_librarys(*type))) break;
    const auto arguments = detail::split_arguments(parts->arguments, ',');
    const auto handler = wrapped_argument(parts->name, arguments.size());
    if (!handler) {
      if (depth == 0) return std::nullopt;
      break;
    }
    type = std::string(arguments[*handler]);
  }
  return handler_type{handler_type::kind::handler, *std::move(type)};
}

std::string readable_handler(std::string_view type) { return detail::make_readable(type).text; }

bool keeps_function(std::string_view type) {
  for (const std::string_view part : {"(*)", "::*", "std::_Bind", "boost::_bi::", "std::_Mem_fn", "std::function<",
                                      "std::move_only_function<", "std::reference_wrapper<"})
    if (type.find(part) != type.npos && type.find("lambda") == type.npos) return true;
  return false;
}

}  // namespace tasks::cli
