#include "type_names.hpp"
#include "library_names.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tasks::detail {
namespace {

bool opens(char c) { return c == '(' || c == '<' || c == '[' || c == '{'; }
bool closes(std::string_view text, std::size_t i) {
  const char c = text[i];
  return c == ')' || c == ']' || c == '}' || (c == '>' && (i == 0 || text[i - 1] != '-'));
}

/// Of a name, a destructor's included.
bool is_of_name(char c) {
  return c == '_' || c == '~' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::string normal_name(std::string_view name) {
  std::string text(name);
  for (const std::string_view inlined : {"__cxx11::", "_V2::", "__1::", "__exception_ptr::"}) {
    for (auto at = text.find(inlined); at != text.npos; at = text.find(inlined, at)) text.erase(at, inlined.size());
  }
  return text;
}

/// Template arguments that stand there by default, wherever they are not the first one.
bool is_default_argument(std::string_view argument) {
  constexpr std::array<std::string_view, 10> defaults = {
      "std::allocator<", "std::char_traits<", "std::default_delete<", "std::less<",      "std::equal_to<",
      "std::hash<",      "wait_traits<",      "channel_traits<",      "any_io_executor", "unlimited_rate_policy"};
  return std::any_of(defaults.begin(), defaults.end(), [&](auto name) { return argument.starts_with(name); });
}

/// The libraries' own executors, which go without saying in their types: tcp::socket, whatever runs its handlers.
bool is_own_executor(std::string_view argument) {
  constexpr std::array<std::string_view, 5> executors = {"strand", "any_io_executor", "io_context::executor_type",
                                                         "thread_pool::executor_type", "system_executor"};
  return std::find(executors.begin(), executors.end(), argument) != executors.end();
}

struct alias {
  std::string_view name;      ///< a template
  std::string_view argument;  ///< its first argument, as simplified
  std::string_view written;   ///< what people write for it
};

constexpr std::array<alias, 45> aliases = {{
    {"std::basic_string", "char", "std::string"},
    {"std::basic_string_view", "char", "std::string_view"},
    {"std::basic_ostream", "char", "std::ostream"},
    {"std::basic_istream", "char", "std::istream"},
    {"basic_stream_socket", "tcp", "tcp::socket"},
    {"basic_socket_acceptor", "tcp", "tcp::acceptor"},
    {"basic_resolver", "tcp", "tcp::resolver"},
    {"basic_resolver", "udp", "udp::resolver"},
    {"basic_resolver_results", "tcp", "tcp::resolver::results_type"},
    {"basic_resolver_results", "udp", "udp::resolver::results_type"},
    {"basic_resolver_entry", "tcp", "tcp::resolver::results_type::value_type"},
    {"basic_endpoint", "tcp", "tcp::endpoint"},
    {"basic_endpoint", "udp", "udp::endpoint"},
    {"basic_endpoint", "icmp", "icmp::endpoint"},
    {"basic_datagram_socket", "udp", "udp::socket"},
    {"basic_raw_socket", "icmp", "icmp::socket"},
    {"basic_stream_socket", "local::stream_protocol", "local::stream_protocol::socket"},
    {"basic_socket_acceptor", "local::stream_protocol", "local::stream_protocol::acceptor"},
    {"basic_datagram_socket", "local::datagram_protocol", "local::datagram_protocol::socket"},
    {"local::basic_endpoint", "local::stream_protocol", "local::stream_protocol::endpoint"},
    {"local::basic_endpoint", "local::datagram_protocol", "local::datagram_protocol::endpoint"},
    {"basic_stream_socket", "generic::stream_protocol", "generic::stream_protocol::socket"},
    {"basic_waitable_timer", "std::chrono::steady_clock", "steady_timer"},
    {"basic_waitable_timer", "std::chrono::system_clock", "system_timer"},
    {"basic_waitable_timer", "std::chrono::high_resolution_clock", "high_resolution_timer"},
    {"basic_signal_set", "", "signal_set"},
    {"basic_readable_pipe", "", "readable_pipe"},
    {"basic_writable_pipe", "", "writable_pipe"},
    {"basic_stream_file", "", "stream_file"},
    {"basic_random_access_file", "", "random_access_file"},
    {"basic_serial_port", "", "serial_port"},
    {"basic_streambuf", "", "streambuf"},
    {"posix::basic_stream_descriptor", "", "posix::stream_descriptor"},
    {"posix::basic_descriptor", "", "posix::descriptor"},
    {"io_context::basic_executor_type", "std::allocator<void>", "io_context::executor_type"},
    {"thread_pool::basic_executor_type", "std::allocator<void>", "thread_pool::executor_type"},
    {"basic_system_executor", "", "system_executor"},
    {"use_awaitable_t", "", "use_awaitable_t<>"},
    {"basic_stream", "tcp", "tcp_stream"},
    {"basic_flat_buffer", "", "flat_buffer"},
    {"basic_multi_buffer", "", "multi_buffer"},
    {"http::basic_string_body", "char", "http::string_body"},
    {"http::basic_dynamic_body", "multi_buffer", "http::dynamic_body"},
    {"http::basic_file_body", "file_posix", "http::file_body"},
    {"http::basic_fields", "", "http::fields"},
}};

/// std::chrono::duration<long, PERIOD>, where the standard has a name for it; else empty.
std::string_view duration_name(std::string_view count, std::string_view period) {
  if (count != "long" && count != "long int") return {};
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> names = {{
      {"std::ratio<1, 1000000000>", "std::chrono::nanoseconds"},
      {"std::ratio<1, 1000000>", "std::chrono::microseconds"},
      {"std::ratio<1, 1000>", "std::chrono::milliseconds"},
      {"std::ratio<1, 1>", "std::chrono::seconds"},
      {"std::ratio<1>", "std::chrono::seconds"},
      {"std::ratio<60, 1>", "std::chrono::minutes"},
      {"std::ratio<3600, 1>", "std::chrono::hours"},
  }};
  for (const auto& [known, name] : names)
    if (period == known) return name;
  return {};
}

/// A channel is named by its signature; the executor before it goes without saying.
bool is_channel(std::string_view name) { return name == "basic_channel" || name == "basic_concurrent_channel"; }

std::string simplify(std::string_view text, bool inner);
std::string const_first(std::string text);

/// What a template of more than one argument is called, where people have a name for that; else empty.
std::string name_of_several(std::string_view name, const std::vector<std::string>& arguments) {
  const auto second = arguments.size() == 2 ? std::string_view(arguments[1]) : std::string_view();
  if (name == "std::chrono::duration")
    return std::string(duration_name(arguments[0], second.empty() ? "std::ratio<1>" : second));
  if (name == "std::chrono::time_point" && second == "std::chrono::nanoseconds") return arguments[0] + "::time_point";
  if (name == "std::span" && second == "18446744073709551615") return "std::span<" + arguments[0] + '>';
  // Beast: a flag tells requests from responses, and clients' streams may compress.
  const bool yes = arguments[0] == "true";
  if (!yes && arguments[0] != "false" && name != "websocket::stream") return {};
  if (name == "websocket::stream" && second == "true") return "websocket::stream<" + arguments[0] + '>';
  const bool usual = arguments.size() == 2 || (arguments.size() == 3 && arguments[2] == "http::fields");
  if (name == "http::message" && usual) return (yes ? "http::request<" : "http::response<") + arguments[1] + '>';
  if (name == "http::parser" && arguments.size() == 2)
    return (yes ? "http::request_parser<" : "http::response_parser<") + arguments[1] + '>';
  return {};
}

/// "any_io_executor" of "use_awaitable_t<>::executor_with_default<any_io_executor>", which as_default_on_t makes of it.
std::string executor_of(std::string argument) {
  constexpr std::string_view adapter = ">::executor_with_default<";
  const auto at = argument.find(adapter);
  if (at == argument.npos || !argument.ends_with('>')) return argument;
  return argument.substr(at + adapter.size(), argument.size() - at - adapter.size() - 1);
}

/// Of a library's: may be left without any argument.
bool is_basic(std::string_view name) {
  for (const std::string_view prefix : {"basic_", "posix::basic_", "http::basic_", "local::basic_"})
    if (name.starts_with(prefix)) return true;
  return false;
}

/// Which are left of a template's arguments, simplified.
std::vector<std::string> arguments_of(std::string_view name, bool is_librarys, std::string_view list) {
  std::vector<std::string> arguments;
  for (const auto& argument : split_arguments(list, ',')) {
    auto simple = executor_of(const_first(simplify(argument, true)));
    const bool may_go = !arguments.empty() || is_channel(name) || is_basic(name);
    if (may_go && (is_default_argument(simple) || (is_librarys && is_own_executor(simple)))) continue;
    if (name.ends_with("::basic_executor_type") && !arguments.empty()) continue;  // what it may be asked to do
    arguments.push_back(std::move(simple));
  }
  return arguments;
}

std::string simplify_template(const std::string& name, bool is_librarys, std::string_view list) {
  if (name == "strand" && is_librarys) return name;
  const auto is_name = [&](const alias& a) { return a.name == name; };
  is_librarys = is_librarys || name == "awaitable" || std::any_of(aliases.begin(), aliases.end(), is_name);
  const auto arguments = arguments_of(name, is_librarys, list);
  std::string joined;
  for (const auto& argument : arguments) {
    if (!joined.empty()) joined += ", ";
    joined += argument;
  }
  for (const auto& a : aliases)
    if (is_name(a) && joined == a.argument) return std::string(a.written);
  if (!arguments.empty())
    if (auto known = name_of_several(name, arguments); !known.empty()) return known;
  return (is_channel(name) ? name.substr(6) : name) + '<' + joined + '>';
}

/// "long unsigned int" and "unsigned long" are one type, and g++ and clang disagree on how to say it.
std::string unify_integers(std::string text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> spellings = {{
      {"long long unsigned int", "unsigned long long"},
      {"long unsigned int", "unsigned long"},
      {"short unsigned int", "unsigned short"},
      {"long long int", "long long"},
      {"long int", "long"},
      {"short int", "short"},
      {"unsigned int", "unsigned"},
  }};
  for (const auto& [from, to] : spellings) {
    for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) {
      const auto end = at + from.size();
      if ((at != 0 && is_of_name(text[at - 1])) || (end < text.size() && is_of_name(text[end]))) continue;
      text.replace(at, from.size(), to);
    }
  }
  return text;
}

/// "const T&" as people write it, from the demangler's "T const&".
std::string const_first(std::string text) {
  int depth = 0;
  std::size_t at = text.npos;
  for (std::size_t i = 0; i < text.size() && at == text.npos; ++i) {
    if (depth == 0 && (text[i] == '(' || text[i] == '*' || text[i] == '&')) return text;
    if (depth == 0 && text.compare(i, 6, " const") == 0) at = i;
    if (opens(text[i])) ++depth;
    if (closes(text, i)) --depth;
  }
  if (at == text.npos) return text;
  const auto rest = std::string_view(text).substr(at + 6);
  if (!rest.empty() && rest != "&" && rest != "*" && rest != "&&") return text;
  text.erase(at, 6);
  return "const " + text;
}

std::string simplify_list(std::string_view list) {
  std::string out;
  for (auto& part : split_arguments(list, ',')) {
    if (!out.empty()) out += ", ";
    out += const_first(simplify(part, true));
  }
  return out;
}

std::string simplify(std::string_view text, bool inner) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (is_of_name(c) && (i == 0 || !is_of_name(text[i - 1]))) {
      auto end = i;
      while (end < text.size() && (is_of_name(text[end]) || (text[end] == ':' && end + 1 < text.size() &&
                                                             (text[end + 1] == ':' || text[end - 1] == ':')))) {
        ++end;
      }
      auto name = normal_name(text.substr(i, end - i));
      if (name.front() >= '0' && name.front() <= '9') name.erase(name.find_last_not_of("uUlL") + 1);
      const auto whole = name.size();
      if (inner) name = as_written(name);
      if (end < text.size() && text[end] == '<' && !name.ends_with("::")) {
        const auto close = matching_close(text, end);
        if (close != text.npos) {
          out += simplify_template(name, name.size() != whole, text.substr(end + 1, close - end - 1));
          i = close + 1;
          continue;
        }
      }
      out += name;
      i = end;
    } else if (c == '(' || c == '<') {
      const auto close = matching_close(text, i);
      if (close == text.npos) {
        out += c;
        ++i;
        continue;
      }
      const auto content = text.substr(i + 1, close - i - 1);
      out += c + (c == '(' ? simplify_list(content) : simplify(content, true)) + text[close];
      i = close + 1;
    } else {
      // "T &" and "> >" as people write them.
      const bool needless = c == ' ' && i + 1 < text.size() &&
                            (text[i + 1] == '&' || text[i + 1] == '*' || text[i + 1] == '>' ||
                             (text[i + 1] == '(' && i != 0 && (is_of_name(text[i - 1]) || text[i - 1] == '>') &&
                              inner && text.compare(i + 1, 2, "(*") != 0));
      if (!needless) out += c;
      ++i;
    }
  }
  return out;
}

/// Brackets within brackets, those that nobody closes too.
std::size_t depth_of(std::string_view text) {
  std::size_t depth = 0, deepest = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (opens(text[i])) deepest = std::max(deepest, ++depth);
    if (depth != 0 && closes(text, i)) --depth;
  }
  return deepest;
}

}  // namespace

std::size_t matching_close(std::string_view text, std::size_t open) {
  int depth = 0;
  for (auto i = open; i < text.size(); ++i) {
    if (opens(text[i])) ++depth;
    if (closes(text, i) && --depth == 0) return i;
  }
  return text.npos;
}

std::size_t matching_open_angle(std::string_view text, std::size_t close) {
  int depth = 0;
  for (auto i = close + 1; i-- > 0;) {
    if (closes(text, i)) ++depth;
    if (opens(text[i]) && --depth == 0) return text[i] == '<' ? i : text.npos;
  }
  return text.npos;
}

std::vector<std::string> split_arguments(std::string_view list, char separator) {
  std::vector<std::string> parts;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (opens(list[i])) ++depth;
    if (closes(list, i)) --depth;
    if (list[i] == separator && depth == 0) {
      parts.emplace_back(trim(list.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  if (const auto last = trim(list.substr(begin)); !last.empty() || !parts.empty()) parts.emplace_back(last);
  return parts;
}

std::string bare_name(std::string_view signature) {
  std::string name;
  for (std::size_t i = 0; i < signature.size() && signature[i] != '('; ++i) {
    const auto close = signature[i] == '<' ? matching_close(signature, i) : signature.npos;
    if (close == signature.npos) {
      name += signature[i];
    } else {
      i = close;
    }
  }
  return name;
}

std::string simplify_types(std::string_view signature) {
  constexpr std::size_t deepest = 256;  // nobody writes such a type, but a symbol may say so
  if (depth_of(signature) > deepest) return std::string(signature);
  return unify_integers(simplify(signature, false));
}

}  // namespace tasks::detail
