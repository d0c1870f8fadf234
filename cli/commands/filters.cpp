#include "commands/filters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/words.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

/// Gives each part of "a,b" to `add(query, part)`.
template <class Add>
option_of<filter_options> list_option(option shown, Add add) {
  shown.repeats = true;
  return {shown, [add](filter_options& to, const std::string& typed) -> result<void> {
            const std::string_view list = typed;
            for (std::size_t begin = 0; begin <= list.size();) {
              const auto end = std::min(list.find(',', begin), list.size());
              if (const auto added = add(to.query, list.substr(begin, end - begin)); !added) return added.why();
              begin = end + 1;
            }
            return {};
          }};
}

result<void> add_task(v1::StacksRequest& query, std::string_view text) {
  const auto id = read_task("--task", text);
  if (!id) return id.why();
  query.add_ids(*id);
  return {};
}

result<void> add_state(v1::StacksRequest& query, std::string_view text) {
  const auto state = parse_state(text);
  if (!state)
    return usage_error("--state", fmt::format("\"{}\" is no state", text),
                       fmt::format("{}", fmt::join(state_words(), ", ")));
  query.add_states(*state);
  return {};
}

result<void> add_kind(v1::StacksRequest& query, std::string_view text) {
  const auto kind = parse_kind(text);
  if (!kind)
    return usage_error("--kind", fmt::format("\"{}\" is no kind of wait", text),
                       fmt::format("{}", fmt::join(kind_words(), ", ")));
  query.add_kinds(*kind);
  return {};
}

result<void> set_age(filter_options& to, const std::string& typed) {
  const auto age = read_duration("--older-than", typed, 0ms);
  if (!age) return age.why();
  to.query.set_older_than_ms(static_cast<std::uint64_t>(age->count()));
  return {};
}

result<void> set_limit(filter_options& to, const std::string& typed) {
  const auto limit = read_count("--limit", typed);
  if (!limit) return limit.why();
  to.query.set_limit(*limit);
  return {};
}

result<void> set_grouped(filter_options& to, const std::string&) {
  to.query.set_grouped(true);
  return {};
}

}  // namespace

std::vector<option_of<filter_options>> filters() {
  return {
      {{"--group", "", "one stack for all tasks that share it, largest group first"}, set_grouped},
      list_option({"--task", "ID", "only this task; may be repeated"}, add_task),
      list_option({"--state", "STATE", "only tasks in this state: running, blocked or ready", state_words}, add_state),
      list_option(
          {"--kind", "KIND",
           "only tasks that wait for this, such as channel-receive; pipe-read and file-read are descriptor-read",
           kind_words},
          add_kind),
      {{"--older-than", "AGE", "only tasks whose state has lasted longer, such as 30s or 5m"}, set_age},
      {{"--limit", "N", "at most so many tasks, or groups with --group"}, set_limit},
  };
}

}  // namespace tasks::cli
