/// What people type or paste, and what comes back as JSON: conditions, durations, words for a shell, prose.
///
///   {which : 1}   text …
///
/// It is understood or refused; what is quoted for a shell is, taken apart again, what it was.

#include <chrono>

#include "base/json.hpp"
#include "base/json_syntax.hpp"
#include "base/nearest.hpp"
#include "base/prose.hpp"
#include "base/quantities.hpp"
#include "base/shell_words.hpp"
#include "base/table.hpp"
#include "base/words.hpp"
#include "commands/read_condition.hpp"
#include "input.hpp"

namespace {

using namespace tasks;

/// As a POSIX shell takes a word apart that consists of '…' and \' alone.
std::string taken_apart(std::string_view quoted) {
  std::string word;
  for (bool inside = false; !quoted.empty(); quoted.remove_prefix(1)) {
    if (quoted.front() == '\'') {
      inside = !inside;
    } else if (!inside) {
      fuzz::must(quoted.starts_with("\\'"));
      word += '\'';
      quoted.remove_prefix(1);
    } else {
      word += quoted.front();
    }
  }
  return word;
}

void read_json(std::string_view text) {
  const bool is_object = cli::is_json_object(text);
  // As a value of an object, whatever it is.
  fmt::memory_buffer out;
  cli::json_writer json(out);
  json.begin_object();
  json.key(text.substr(0, 8));
  json.string(text);
  json.end_object();
  fuzz::must(cli::is_json_object({out.data(), out.size()}));
  if (is_object) fuzz::must(text.find('{') != text.npos && text.find('}') != text.npos);
}

void print_prose(std::string_view text) {
  for (const unsigned width : {0u, 1u, 20u, 80u}) {
    cli::text_style style;
    style.width = width;
    fmt::memory_buffer out;
    cli::append_prose(out, text, style);
    fuzz::must(out.size() > 0 && out[out.size() - 1] == '\n');
  }
  fuzz::must(cli::display_width(text) <= 2 * text.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input in(data, size);
  const auto which = in.number<std::uint8_t>();
  const std::string text(in.rest());
  switch (which) {
    case 'c':
      if (const auto condition = cli::read_condition(text)) fuzz::must(condition->words == text);
      break;
    case 'd':
      if (const auto time = cli::parse_duration(text)) fuzz::must(time->count() >= 0);
      break;
    case 's':
      fuzz::must(taken_apart(cli::quoted_for_sh(text)) == text);
      static_cast<void>(cli::for_any_shell(text));
      break;
    case 'j':
      read_json(text);
      break;
    case 'p':
      print_prose(text);
      break;
    case 'w': {
      static_cast<void>(cli::parse_kind(text));
      static_cast<void>(cli::parse_state(text));
      const std::string_view candidates[] = {"channel-receive", "timer", std::string_view(text).substr(size / 2)};
      static_cast<void>(cli::nearest(text, candidates));
      break;
    }
    case 'n': {
      fuzz::input numbers(data + 1, size - 1);
      const auto number = numbers.number<std::uint64_t>();
      for (const auto& made :
           {cli::format_age(number, 1000), cli::format_nanoseconds(number), cli::in_thousands(number),
            cli::format_bytes(number), cli::format_time(static_cast<std::int64_t>(number))})
        fuzz::must(!made.empty());
      break;
    }
    default:
      break;
  }
  return 0;
}
