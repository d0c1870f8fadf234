#include "dump/dump_options.hpp"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace tasks::detail {
namespace {

/// Its number; 0: there is no such signal.
int signal_named(std::string_view name) noexcept {
  int number = 0;
  if (const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
      error == std::errc() && end == name.data() + name.size())
    return number > 0 && number < 64 ? number : 0;
  if (name.starts_with("SIG")) name.remove_prefix(3);
  for (number = 1; number < NSIG && number < 64; ++number)
    if (const char* known = sigabbrev_np(number); known != nullptr && name == known) return number;
  return 0;
}

}  // namespace

dump_options parse_dump_options(std::string_view text) noexcept {
  dump_options options;
  if (const auto colon = text.find(':'); colon != text.npos) {
    const auto path = text.substr(colon + 1);
    if (path.size() < sizeof options.path) path.copy(options.path, path.size());
    text = text.substr(0, colon);
  }
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const auto word = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (word.empty()) continue;
    if (word == "terminate")
      options.on_terminate = true;
    else if (word == "deadlock")
      options.on_deadlock = true;
    else if (word == "exit")
      options.exits = true;
    else if (const int number = signal_named(word); number != 0)
      options.signals |= std::uint64_t{1} << number;
    else if (options.unknown[0] == 0)
      word.copy(options.unknown, sizeof options.unknown - 1);
  }
  return options;
}

bool expand_path(const char* pattern, char* to, std::size_t size) noexcept {
  char* const end = to + size;
  const auto number = [&](long long value) {
    const auto [at, error] = std::to_chars(to, end, value);
    to = at;
    return error == std::errc();
  };
  for (; *pattern != 0; ++pattern) {
    if (to == end) return false;
    if (*pattern != '%' || (pattern[1] != 'p' && pattern[1] != 't' && pattern[1] != '%')) {
      *to++ = *pattern;
      continue;
    }
    ++pattern;
    if (*pattern == '%')
      *to++ = '%';
    else if (!number(*pattern == 'p' ? getpid() : time(nullptr)))
      return false;
  }
  if (to == end) return false;
  *to = 0;
  return true;
}

}  // namespace tasks::detail
