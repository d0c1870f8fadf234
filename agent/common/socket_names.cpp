#include "socket_names.hpp"

#include <charconv>

namespace tasks::detail {
namespace {

template <class Number>
bool parse(std::string_view text, Number& number, int base) noexcept {
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number, base);
  return error == std::errc() && at == end;
}

}  // namespace

std::string text_of(const socket_name& name) {
  std::string text = name.as_bound ? "." : "";
  text += std::to_string(name.pid);
  if (!name.instance) return text;
  char digits[16];
  text += '-';
  return text.append(digits, std::to_chars(digits, digits + sizeof digits, *name.instance, 16).ptr);
}

std::optional<socket_name> parse_socket_name(std::string_view text) noexcept {
  socket_name name;
  name.as_bound = text.starts_with('.');
  if (name.as_bound) text.remove_prefix(1);
  const auto number = text.substr(0, text.find('-'));
  if (!parse(number, name.pid, 10) || name.pid <= 0) return std::nullopt;
  if (number == text) return name;
  std::uint64_t instance = 0;
  if (!parse(text.substr(number.size() + 1), instance, 16)) return std::nullopt;
  name.instance = instance;
  return name;
}

}  // namespace tasks::detail
