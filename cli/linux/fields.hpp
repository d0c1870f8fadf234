#pragma once

/// The texts of /proc: lines, fields, numbers.

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>

namespace tasks::cli {

/// False: it is no number, or has something behind it.
template <class T>
bool parse_number(std::string_view text, T& value, int base = 10) {
  const auto end = text.data() + text.size();
  const auto [at, ec] = std::from_chars(text.data(), end, value, base);
  return ec == std::errc{} && at == end;
}

/// The next of a line's fields, which it then begins behind; empty: there is none.
inline std::string_view next_field(std::string_view& line) {
  const auto begin = line.find_first_not_of(" \t");
  if (begin == line.npos) return line = {};
  const auto end = std::min(line.find_first_of(" \t", begin), line.size());
  const auto field = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return field;
}

template <class Visit>
void each_line(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    visit(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace tasks::cli
