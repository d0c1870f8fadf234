#include "commands/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/quantities.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

std::optional<std::uint64_t> number_from_one_on(std::string_view text) {
  std::uint64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [at, failure] = std::from_chars(text.data(), end, value);
  if (failure != std::errc() || at != end || value == 0) return std::nullopt;
  return value;
}

}  // namespace

error usage_error(std::string subject, std::string fact, std::string next_step) {
  return {error_code::usage, std::move(subject), std::move(fact), std::move(next_step)};
}

std::vector<std::string_view> names_of(const option& o) {
  std::vector<std::string_view> names;
  for (std::size_t begin = 0; begin <= o.names.size();) {
    const auto end = std::min(o.names.find(',', begin), o.names.size());
    names.push_back(o.names.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

std::string_view long_name(std::string_view names) { return names.substr(names.find_last_of(',') + 1); }

result<std::chrono::milliseconds> read_duration(std::string_view names, std::string_view text,
                                                std::chrono::milliseconds least) {
  const auto value = parse_duration(text);
  const std::string name(long_name(names));
  if (!value) return usage_error(name, fmt::format("\"{}\" is no duration", text), "such as 30s, 0.5 or 500ms");
  if (*value < least) {
    return usage_error(name, fmt::format("\"{}\" is too short", text), fmt::format("{}ms or more", least.count()));
  }
  return *value;
}

result<std::uint64_t> read_count(std::string_view names, std::string_view text) {
  if (const auto value = number_from_one_on(text)) return *value;
  return usage_error(std::string(long_name(names)), fmt::format("\"{}\" is no number", text), "1 or more");
}

result<std::uint64_t> read_task(std::string_view names, std::string_view text) {
  if (const auto value = number_from_one_on(text)) return *value;
  return usage_error(std::string(long_name(names)), fmt::format("\"{}\" is no task id", text),
                     "a number, as tasks stack prints it");
}

}  // namespace tasks::cli
