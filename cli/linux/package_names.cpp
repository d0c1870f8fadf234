#include "linux/package_names.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "linux/proc.hpp"

namespace tasks::cli {
namespace {

bool has_line(std::string_view text, std::string_view line) {
  for (auto at = text.find(line); at != text.npos; at = text.find(line, at + 1)) {
    const auto end = at + line.size();
    if ((at == 0 || text[at - 1] == '\n') && (end == text.size() || text[end] == '\n')) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> package_of(std::string_view path, const std::string& lists) {
  if (path.empty()) return std::nullopt;
  // Packages may name a file as it was called before /bin and /lib became links to /usr.
  constexpr std::string_view merged = "/usr";
  const auto before = path.starts_with(merged) ? path.substr(merged.size()) : path;
  std::error_code failed;
  for (std::filesystem::directory_iterator at(lists, failed), end; !failed && at != end; at.increment(failed)) {
    if (at->path().extension() != ".list") continue;
    const auto files = read_file(at->path().c_str());
    if (!files || !(has_line(*files, path) || has_line(*files, before))) continue;
    const auto name = at->path().stem().string();
    return name.substr(0, std::min(name.find(':'), name.size()));
  }
  return std::nullopt;
}

}  // namespace tasks::cli
