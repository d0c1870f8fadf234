#include "symbols/type_names.hpp"
#include "symbols/libraries.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tasks::cli {
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
  for (const std::string_view inlined : {"__cxx11::", "_V2::", "__1::"}) {
    for (auto at = text.find(inlined); at != text.npos; at = text.find(inlined, at)) text.erase(at, inlined.size());
  }
  return text;
}

/// Template arguments that stand there by default, wherever they are not the first one.
bool is_default_argument(std::string_view argument) {
  constexpr std::array<std::string_view, 9> defaults = {"std::allocator<", "std::char_traits<", "std::default_delete<",
                                                        "std::less<",      "std::equal_to<",    "std::hash<",
                                                        "wait_traits<",    "channel_traits<",   "any_io_executor"};
  return std::any_of(defaults.begin(), defaults.end(), [&](auto name) { return argument.starts_with(name); });
}

struct alias {
  std::string_view name;      ///< a template
  std::string_view argument;  ///< its first argument, as simplified
  std::string_view written;   ///< what people write for it
};

constexpr std::array<alias, 17> aliases = {{
    {"std::basic_string", "char", "std::string"},
    {"std::basic_string_view", "char", "std::string_view"},
    {"basic_stream_socket", "tcp", "tcp::socket"},
    {"basic_socket_acceptor", "tcp", "tcp::acceptor"},
    {"basic_resolver", "tcp", "tcp::resolver"},
    {"basic_resolver", "udp", "udp::resolver"},
    {"basic_endpoint", "tcp", "tcp::endpoint"},
    {"basic_endpoint", "udp", "udp::endpoint"},
    {"basic_datagram_socket", "udp", "udp::socket"},
    {"basic_stream_socket", "local::stream_protocol", "local::stream_protocol::socket"},
    {"basic_socket_acceptor", "local::stream_protocol", "local::stream_protocol::acceptor"},
    {"basic_waitable_timer", "std::chrono::steady_clock", "steady_timer"},
    {"basic_waitable_timer", "std::chrono::system_clock", "system_timer"},
    {"basic_signal_set", "", "signal_set"},
    {"basic_readable_pipe", "", "readable_pipe"},
    {"basic_writable_pipe", "", "writable_pipe"},
    {"use_awaitable_t", "", "use_awaitable_t<>"},
}};

/// A channel is named by its signature; the executor before it goes without saying.
bool is_channel(std::string_view name) { return name == "basic_channel" || name == "basic_concurrent_channel"; }

std::string simplify(std::string_view text, bool inner);
std::string const_first(std::string text);

std::string simplify_template(const std::string& name, std::string_view list) {
  std::vector<std::string> arguments;
  for (const auto& argument : split_arguments(list, ',')) {
    auto simple = const_first(simplify(argument, true));
    if (is_default_argument(simple) && (!arguments.empty() || is_channel(name) || name.starts_with("basic_"))) continue;
    arguments.push_back(std::move(simple));
  }
  const std::string_view first = arguments.empty() ? std::string_view() : std::string_view(arguments.front());
  for (const auto& a : aliases) {
    if (name == a.name && first == a.argument && arguments.size() <= 1) return std::string(a.written);
  }
  auto shown = is_channel(name) ? name.substr(6) : name;
  shown += '<';
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (i != 0) shown += ", ";
    shown += arguments[i];
  }
  return shown + '>';
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
  const auto at = text.find(" const");
  if (at == text.npos || text.find_first_of("(*&") < at) return text;
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
      if (inner) name = as_written(name);
      if (end < text.size() && text[end] == '<' && !name.ends_with("::")) {
        const auto close = matching_close(text, end);
        if (close != text.npos) {
          out += simplify_template(name, text.substr(end + 1, close - end - 1));
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

std::string simplify_types(std::string_view signature) { return unify_integers(simplify(signature, false)); }

}  // namespace tasks::cli
