#include "commands/filters.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

#include "base/words.hpp"

namespace tasks::cli {
namespace {

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t value = 0;
  const auto end = text.data() + text.size();
  const auto [at, ec] = std::from_chars(text.data(), end, value);
  if (ec != std::errc{} || at != end) return std::nullopt;
  return value;
}

/// Calls `visit` with each part of "a,b"; false where one of them is refused.
template <class Visit>
std::optional<std::string> each_word(const std::vector<std::string>& list, Visit visit) {
  for (const std::string_view item : list) {
    for (std::size_t begin = 0; begin <= item.size();) {
      const auto end = std::min(item.find(',', begin), item.size());
      const auto word = item.substr(begin, end - begin);
      if (!visit(word)) return std::string(word);
      begin = end + 1;
    }
  }
  return std::nullopt;
}

}  // namespace

result<v1::StacksRequest> make_query(const arguments& args) {
  v1::StacksRequest query;
  query.set_grouped(args.group);
  if (const auto bad = each_word(args.ids, [&](std::string_view word) {
        const auto id = parse_count(word);
        if (id) query.add_ids(*id);
        return id && *id != 0;
      })) {
    return usage_error("--task", fmt::format("\"{}\" is no task id", *bad), "a number, as tasks stack prints it");
  }
  if (const auto bad = each_word(args.states, [&](std::string_view word) {
        const auto state = parse_state(word);
        if (state) query.add_states(*state);
        return state.has_value();
      })) {
    return usage_error("--state", fmt::format("\"{}\" is no state", *bad),
                       fmt::format("{}", fmt::join(state_words(), ", ")));
  }
  if (const auto bad = each_word(args.kinds, [&](std::string_view word) {
        const auto kind = parse_kind(word);
        if (kind) query.add_kinds(*kind);
        return kind.has_value();
      })) {
    return usage_error("--kind", fmt::format("\"{}\" is no kind of wait", *bad),
                       fmt::format("{}", fmt::join(kind_words(), ", ")));
  }
  if (args.older_than) {
    const auto age = parse_duration(*args.older_than);
    if (!age)
      return usage_error("--older-than", fmt::format("\"{}\" is no duration", *args.older_than), "such as 30s or 5m");
    query.set_older_than_ms(static_cast<std::uint64_t>(age->count()));
  }
  if (args.limit) {
    const auto limit = parse_count(*args.limit);
    if (!limit || *limit == 0) {
      return usage_error("--limit", fmt::format("\"{}\" is no number of tasks", *args.limit), "1 or more");
    }
    query.set_limit(*limit);
  }
  return query;
}

}  // namespace tasks::cli
