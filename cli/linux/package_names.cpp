#include "linux/package_names.hpp"

#include <fmt/format.h>

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

std::vector<remedy> to_have_debug_information(std::string_view path, const std::string& build_id) {
  const auto package = package_of(path);
  auto words = package ? fmt::format("install {}-dbgsym", *package) : std::string("install its debug symbols");
  if (!build_id.empty()) words += fmt::format(", build id {}", build_id);
  return {{std::move(words), package ? fmt::format("apt-get install {}-dbgsym", *package) : "", true},
          {"build it with -g"}};
}

}  // namespace tasks::cli
