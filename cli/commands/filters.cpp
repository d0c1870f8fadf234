#include "commands/filters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/words.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

/// An option that may be repeated, each time with one value.
template <class Add>
option_of<filter_options> repeated(option shown, Add add) {
  shown.repeats = true;
  return {shown, [add](filter_options& to, const std::string& typed) { return add(to.chosen, typed); }};
}

/// Gives each part of "a,b" to `add(selection, part)`.
template <class Add>
option_of<filter_options> list_option(option shown, Add add) {
  return repeated(shown, [add](selection& to, std::string_view list) -> result<void> {
    for (std::size_t begin = 0; begin <= list.size();) {
      const auto end = std::min(list.find(',', begin), list.size());
      if (const auto added = add(to, list.substr(begin, end - begin)); !added) return added.why();
      begin = end + 1;
    }
    return {};
  });
}

result<void> add_task(selection& to, std::string_view text) {
  const auto id = read_task("--task", text);
  if (!id) return id.why();
  to.query.add_ids(*id);
  return {};
}

result<void> add_state(selection& to, std::string_view text) {
  const auto state = parse_state(text);
  if (!state)
    return usage_error("--state", fmt::format("\"{}\" is no state", text),
                       fmt::format("{}", fmt::join(state_words(), ", ")));
  to.query.add_states(*state);
  return {};
}

/// Views name an operation that is none of Asio's where they name a kind.
error no_such_kind(std::string_view text) {
  if (text.ends_with("()"))
    return usage_error("--kind", fmt::format("\"{}\" is an operation, and none of Asio's own", text),
                       "other, which is the kind of all those");
  auto fact = fmt::format("\"{}\" is no kind of wait", text);
  if (const auto meant = nearest_kind(text); !meant.empty())
    return usage_error("--kind", fmt::format("{}: did you mean {}?", fact, meant));
  return usage_error("--kind", std::move(fact), fmt::format("{}", fmt::join(kind_words(), ", ")));
}

result<void> add_kind(selection& to, std::string_view text) {
  const auto kind = parse_kind(text);
  if (!kind) return no_such_kind(text);
  to.query.add_kinds(*kind);
  return {};
}

result<void> set_age(filter_options& to, const std::string& typed) {
  const auto age = read_duration("--older-than", typed, 0ms);
  if (!age) return age.why();
  to.chosen.query.set_older_than_ms(static_cast<std::uint64_t>(age->count()));
  return {};
}

/// Of patterns, which a comma is a part of.
auto add_pattern(std::string_view name, std::vector<pattern> selection::*to) {
  return [=](selection& chosen, const std::string& typed) -> result<void> {
    auto made = pattern::make(typed);
    if (!made)
      return usage_error(std::string(name), fmt::format("\"{}\" is no regular expression: {}", typed, made.why().fact),
                         "as grep -E takes it; \\ before what is meant literally");
    (chosen.*to).push_back(*std::move(made));
    return {};
  };
}

/// A number from 0 on.
std::optional<std::uint32_t> whole_number(std::string_view text) {
  std::uint32_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [at, failure] = std::from_chars(text.data(), end, value);
  if (failure != std::errc() || at != end) return std::nullopt;
  return value;
}

auto add_number(std::string_view name, std::string_view what, std::vector<std::uint32_t> selection::*to) {
  return [=](selection& chosen, std::string_view text) -> result<void> {
    const auto value = whole_number(text);
    if (!value) return usage_error(std::string(name), fmt::format("\"{}\" is no {}", text, what), "a number");
    (chosen.*to).push_back(*value);
    return {};
  };
}

/// "lab.cpp:33", "src/lab.cpp".
result<void> add_place(selection& to, const std::string& typed) {
  source_place place{typed, 0};
  if (const auto colon = typed.rfind(':'); colon != typed.npos) {
    const auto line = whole_number(std::string_view(typed).substr(colon + 1));
    if (!line || *line == 0)
      return usage_error("--spawned-at", fmt::format("\"{}\" has no number behind its colon", typed), "FILE:LINE");
    place = {typed.substr(0, colon), *line};
  }
  if (place.file.empty()) return usage_error("--spawned-at", "no file is named", "FILE or FILE:LINE");
  to.spawned_at.push_back(std::move(place));
  return {};
}

/// "user=ann", "user".
result<void> add_label(selection& to, const std::string& typed) {
  const auto sign = typed.find('=');
  label_choice label{typed.substr(0, sign), std::nullopt};
  if (label.key.empty()) return usage_error("--label", "no label is named", "KEY or KEY=VALUE");
  if (sign != typed.npos) label.value = typed.substr(sign + 1);
  to.labels.push_back(std::move(label));
  return {};
}

std::vector<std::string> orders() { return {"age", "busy", "count", "growth", "id"}; }
std::vector<std::string> common_things() { return {"stack", "spawn-site", "object", "peer", "label="}; }

result<void> set_order(group_options& to, const std::string& typed) {
  to.order = typed == "age"      ? sort_order::by_age
             : typed == "busy"   ? sort_order::by_busy
             : typed == "count"  ? sort_order::by_count
             : typed == "id"     ? sort_order::by_id
             : typed == "growth" ? sort_order::by_growth
                                 : sort_order::usual;
  if (to.order == sort_order::usual)
    return usage_error("--sort", fmt::format("\"{}\" is no order", typed),
                       fmt::format("{}", fmt::join(orders(), ", ")));
  return {};
}

result<void> set_by(group_options& to, const std::string& typed) {
  constexpr std::string_view label = "label=";
  to.group = true;
  if (typed.starts_with(label) && typed.size() > label.size()) {
    to.by = group_by::label;
    to.label = typed.substr(label.size());
    return {};
  }
  for (const auto& [word, by] : {std::pair("stack", group_by::stack), std::pair("spawn-site", group_by::spawn_site),
                                 std::pair("object", group_by::object), std::pair("peer", group_by::peer)})
    if (typed == word) {
      to.by = by;
      return {};
    }
  return usage_error("--by", fmt::format("\"{}\" is nothing that tasks have in common", typed),
                     "stack, spawn-site, object, peer, label=KEY");
}

}  // namespace

std::vector<option_of<filter_options>> filters() {
  return {
      list_option({"--task", "ID", "only this task; may be repeated"}, add_task),
      list_option({"--state", "STATE", "only tasks in this state: running, blocked or ready", state_words}, add_state),
      list_option(
          {"--kind", "KIND",
           "only tasks that wait for this, such as channel-receive; pipe-read and file-read are descriptor-read",
           kind_words},
          add_kind),
      {{"--older-than", "AGE", "only tasks whose state has lasted longer, such as 30s or 5m"}, set_age},
      repeated({"--function", "REGEX", "only tasks with such a function on their stack, as it is shown"},
               add_pattern("--function", &selection::functions)),
      repeated({"--spawned-at", "FILE[:LINE]", "only tasks that were spawned there"}, add_place),
      repeated({"--name", "REGEX", "only tasks with such a name"}, add_pattern("--name", &selection::names)),
      repeated({"--label", "KEY[=VALUE]", "only tasks with this label"}, add_label),
      list_option({"--thread", "TID", "only the task that runs on this thread"},
                  add_number("--thread", "thread", &selection::threads)),
      list_option({"--fd", "FD", "only tasks that wait for this file descriptor"},
                  add_number("--fd", "descriptor", &selection::fds)),
  };
}

std::vector<option_of<filter_options>> filters(std::initializer_list<filter_meaning> meanings) {
  const auto all = filters();
  std::vector<option_of<filter_options>> some;
  for (const auto& [name, help] : meanings)
    for (const auto& each : all)
      if (each.names == name) some.push_back(each), some.back().help = help;
  return some;
}

std::vector<option_of<group_options>> grouping() {
  return {
      flag("--group", "one stack for all tasks that share it, largest group first", &group_options::group),
      {{"--by", "WHAT",
        "groups under what else they have in common: spawn-site, object (that they wait on), peer (its address), "
        "label=KEY",
        common_things},
       set_by},
      {{"--sort", "ORDER",
        "tasks by id, age or busy, groups by count, age, busy or growth; busy: how long they run between their waits, "
        "which is timed for a while; growth: tasks more a minute, for which it looks twice",
        orders},
       set_order},
      count("--limit", "N", "at most so many tasks, or groups with --group", &group_options::limit),
  };
}

}  // namespace tasks::cli
