#include "commands/read_condition.hpp"

#include <fmt/format.h>

#include <string_view>

#include "base/words.hpp"
#include "commands/options.hpp"

namespace tasks::cli {
namespace {

constexpr std::string_view possible_conditions = "tasks>N, blocked>N, stalled>TIME, blocked-for KIND>TIME or leaks";

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

result<condition> read_condition(const std::string& typed) {
  using of = condition::of;
  condition made;
  made.words = typed;
  const auto sign = typed.find('>');
  const auto subject = without_blanks(std::string_view(typed).substr(0, sign));
  const auto limit = sign == typed.npos ? "" : without_blanks(std::string_view(typed).substr(sign + 1));
  const auto wrong = [&] {
    return usage_error("--when", fmt::format("\"{}\" is no condition", typed), std::string(possible_conditions));
  };
  if (subject == "leaks") {
    made.what = of::leaks;
    return sign == typed.npos ? result(made) : result<condition>(wrong());
  }
  if (subject == "tasks" || subject == "blocked") {
    made.what = subject == "tasks" ? of::tasks : of::blocked;
    if (limit.empty()) return wrong();
    if (limit == "0") return made;
    const auto most = read_count("--when", limit);
    if (!most) return most.why();
    made.most = *most;
    return made;
  }
  constexpr std::string_view blocked_for = "blocked-for";
  if (subject.starts_with(blocked_for) && subject.substr(blocked_for.size()).find_first_of(" :") == 0) {
    made.what = of::blocked_for;
    const auto word = without_blanks(subject.substr(blocked_for.size() + 1));
    const auto kind = parse_kind(word);
    if (!kind)
      return usage_error("--when", fmt::format("\"{}\" is no kind of wait", word),
                         fmt::format("{}", fmt::join(kind_words(), ", ")));
    made.kind = *kind;
  } else if (subject == "stalled") {
    made.what = of::stalled;
  } else {
    return wrong();
  }
  if (limit.empty()) return wrong();
  const auto time = read_duration("--when", limit, std::chrono::milliseconds(1));
  if (!time) return time.why();
  made.time = *time;
  return made;
}

}  // namespace tasks::cli
