#include "base/text.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

namespace tasks::cli {

void append_foreign(fmt::memory_buffer& out, std::string_view text) {
  const auto harmless = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; };
  if (std::all_of(text.begin(), text.end(), harmless)) return append(out, text);
  for (const char c : text) out.push_back(harmless(c) ? c : '?');
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
