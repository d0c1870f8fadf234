#include "base/text.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "utf8.hpp"

namespace tasks::cli {

bool is_printable(std::string_view character) noexcept {
  if (character.size() == 1) return character[0] >= 0x20 && character[0] < 0x7f;
  // But for U+00AD, U+034F and U+061C.
  if (character.size() == 2)
    return character >= "\xc2\xa0" && character != "\xc2\xad" && character != "\xcd\x8f" && character != "\xd8\x9c";
  for (const auto& [first, last] :
       {std::pair<std::string_view, std::string_view>{"\xe1\x85\x9f", "\xe1\x85\xa0"},  // U+115F and U+1160
        {"\xe1\x9e\xb4", "\xe1\x9e\xb5"},                                               // U+17B4 and U+17B5
        {"\xe1\xa0\x8b", "\xe1\xa0\x8f"},                                               // U+180B to U+180F
        {"\xe2\x80\x8b", "\xe2\x80\x8f"},                                               // U+200B to U+200F
        {"\xe2\x80\xa8", "\xe2\x80\xae"},                                               // U+2028 to U+202E
        {"\xe2\x81\xa0", "\xe2\x81\xaf"},                                               // U+2060 to U+206F
        {"\xe3\x85\xa4", "\xe3\x85\xa4"},                                               // U+3164
        {"\xef\xb8\x80", "\xef\xb8\x8f"},                                               // U+FE00 to U+FE0F
        {"\xef\xbb\xbf", "\xef\xbb\xbf"},                                               // U+FEFF
        {"\xef\xbe\xa0", "\xef\xbe\xa0"},                                               // U+FFA0
        {"\xef\xbf\xb9", "\xef\xbf\xbf"}})                                              // U+FFF9 to U+FFFF
    if (character >= first && character <= last) return false;
  return character < "\xf3\xa0\x80\x80" || character > "\xf3\xa0\x87\xaf";  // tags and selectors: U+E0000 to U+E01EF
}

void append_foreign(fmt::memory_buffer& out, std::string_view text) {
  while (!text.empty()) {
    std::size_t harmless = 0, size = 1;
    while (harmless < text.size()) {
      size = std::max<std::size_t>(detail::utf8_sequence(text.substr(harmless)), 1);
      if (!is_printable(text.substr(harmless, size))) break;
      harmless += size;
    }
    append(out, text.substr(0, harmless));
    if (harmless < text.size()) out.push_back('?');
    text.remove_prefix(std::min(harmless + size, text.size()));
  }
}

std::string clean(std::string_view foreign) {
  fmt::memory_buffer text;
  append_foreign(text, foreign);
  return {text.data(), text.size()};
}

namespace {

/// As the kernel names it, and as the shell came there, each with a slash behind it.
std::vector<std::string> ways_here() {
  namespace fs = std::filesystem;
  std::vector<std::string> ways;
  std::error_code failed;
  const auto here = fs::current_path(failed);
  if (failed || here == here.root_path()) return ways;
  ways.push_back(here.string() + '/');
  const char* logical = std::getenv("PWD");
  if (logical != nullptr && *logical == '/' && here != logical && fs::equivalent(here, logical, failed) && !failed)
    ways.push_back(std::string(logical) + '/');
  return ways;
}

}  // namespace

std::string_view path_from_here(std::string_view path) {
  static const auto ways = ways_here();
  for (const auto& way : ways)
    if (path.starts_with(way) && path.size() > way.size()) return path.substr(way.size());
  return path;
}

std::string_view base_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == path.npos ? path : path.substr(slash + 1);
}

}  // namespace tasks::cli
