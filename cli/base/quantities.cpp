#include "base/quantities.hpp"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

namespace tasks::cli {

std::string format_age(std::uint64_t ms, std::uint32_t resolution_ms) {
  const std::uint64_t finest = std::max<std::uint64_t>(1, resolution_ms / 1000);
  const std::uint64_t seconds = ms / 1000;
  if (seconds < finest) return fmt::format("<{}s", finest);
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{}d{:02}h", seconds / 86400, seconds / 3600 % 24);
}

std::string format_nanoseconds(std::uint64_t ns) {
  if (ns < 1000) return fmt::format("{}ns", ns);
  if (ns >= 100'000'000'000) return format_age(ns / 1'000'000, 0);
  constexpr std::array<std::string_view, 3> units = {"µs", "ms", "s"};
  auto value = static_cast<double>(ns) / 1000;
  std::size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < units.size(); ++unit) value /= 1000;
  return fmt::format("{:.{}f}{}", value, value < 9.95 ? 1 : 0, units[unit]);
}

std::string in_thousands(std::uint64_t number) {
  auto text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), 1, ',');
  return text;
}

std::string number_and_noun(std::uint64_t count, std::string_view one) {
  return fmt::format("{} {}{}", in_thousands(count), one, count == 1 ? "" : "s");
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> units = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 5> units = {
      {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
  constexpr double longest = 1e13;  // ms: three centuries
  double total = 0;
  bool any = false;
  while (!text.empty()) {
    double number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (ec != std::errc{} || !(number >= 0)) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    double scale = 1000;
    if (!text.empty()) {
      const auto unit = std::find_if(units.begin(), units.end(), [&](const auto& u) {
        return text.starts_with(u.first) && (u.first != "m" || !text.starts_with("ms"));
      });
      if (unit == units.end()) return std::nullopt;
      scale = unit->second;
      text.remove_prefix(unit->first.size());
    } else if (any) {
      return std::nullopt;
    }
    total += number * scale;
    any = true;
  }
  if (!any || !(total <= longest)) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(total));
}

std::string format_time(std::int64_t ns) {
  const std::time_t seconds = ns / 1'000'000'000;
  std::tm fields{};
  ::localtime_r(&seconds, &fields);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", fields.tm_year + 1900, fields.tm_mon + 1, fields.tm_mday,
                     fields.tm_hour, fields.tm_min, fields.tm_sec);
}

}  // namespace tasks::cli
