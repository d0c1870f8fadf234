#include "views/junit.hpp"

#include <iterator>
#include <string_view>

#include "base/text.hpp"
#include "utf8.hpp"

namespace tasks::cli {
namespace {

/// Without the characters that XML 1.0 does not have (its production 2).
std::string in_xml(std::string text) {
  constexpr std::string_view no_characters[] = {"\xef\xbf\xbe", "\xef\xbf\xbf"};  // U+FFFE, U+FFFF
  detail::make_utf8(text);
  std::string escaped;
  for (std::string_view rest = text; !rest.empty();) {
    const auto character = rest.substr(0, detail::utf8_sequence(rest));
    rest.remove_prefix(character.size());
    if (character.size() > 1) {
      if (character != no_characters[0] && character != no_characters[1]) escaped += character;
      continue;
    }
    const char c = character.front();
    switch (c) {
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '&':
        escaped += "&amp;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= ' ' || c == '\n' || c == '\t') escaped += c;
    }
  }
  return escaped;
}

}  // namespace

void render_junit(fmt::memory_buffer& out, const junit_result& of) {
  const auto to = std::back_inserter(out);
  const auto name = in_xml(of.name);
  fmt::format_to(to,
                 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                 "<testsuites tests=\"1\" failures=\"{0}\" time=\"{2:.3f}\">\n"
                 "<testsuite name=\"tasks run\" tests=\"1\" failures=\"{0}\" time=\"{2:.3f}\">\n"
                 "<testcase name=\"{1}\" classname=\"tasks\" time=\"{2:.3f}\">\n",
                 of.failure.empty() ? 0 : 1, name, of.seconds);
  if (!of.failure.empty()) {
    fmt::format_to(to, "<failure message=\"{}\">{}</failure>\n", in_xml(of.failure), in_xml(of.text));
  } else if (!of.text.empty()) {
    fmt::format_to(to, "<system-err>{}</system-err>\n", in_xml(of.text));
  }
  fmt::format_to(to, "</testcase>\n</testsuite>\n</testsuites>\n");
}

}  // namespace tasks::cli
