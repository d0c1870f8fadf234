#include "linux/smaps.hpp"

#include <fmt/format.h>

#include <utility>

#include "linux/fields.hpp"
#include "linux/proc.hpp"

namespace tasks::cli {

std::vector<resident_region> parse_smaps(std::string_view text) {
  std::vector<resident_region> all;
  each_line(text, [&](std::string_view line) {
    auto rest = line;
    const auto name = next_field(rest);
    if (!name.ends_with(':')) {
      auto regions = parse_maps(line);
      if (regions.size() == 1) all.push_back({std::move(regions.front())});
      return;
    }
    std::uint64_t kib = 0;
    if (all.empty() || (name != "Rss:" && name != "Swap:") || !parse_number(next_field(rest), kib)) return;
    (name == "Rss:" ? all.back().resident_bytes : all.back().swapped_bytes) = kib * 1024;
  });
  return all;
}

std::optional<std::vector<resident_region>> read_smaps(pid_t pid) {
  const auto text = read_file(fmt::format("/proc/{}/smaps", living_thread(pid)).c_str());
  if (!text) return std::nullopt;
  return parse_smaps(*text);
}

}  // namespace tasks::cli
