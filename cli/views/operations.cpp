#include "views/operations.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/quantities.hpp"
#include "base/table.hpp"
#include "base/text.hpp"
#include "base/words.hpp"
#include "surveys/deaths.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max(), ns_in_ms = 1'000'000;

std::string handler_words(const surveyed_operation& o) {
  if (o.of_task) return "a task";
  const std::string name = o.handler.empty() ? "<unknown>" : o.handler;
  return o.stackful ? "stackful coroutine (asio::spawn)" : name;
}

bool is_shown(const surveyed_operation& o, const operations_style& style) {
  const auto& kinds = style.chosen.query.kinds();
  const auto& functions = style.chosen.functions;
  const auto& fds = style.chosen.fds;
  if (!style.all && o.of_task) return false;
  if (!kinds.empty() && std::find(kinds.begin(), kinds.end(), o.kind) == kinds.end()) return false;
  if (!fds.empty() && !(o.is.fd && std::find(fds.begin(), fds.end(), *o.is.fd) != fds.end())) return false;
  return functions.empty() || std::any_of(functions.begin(), functions.end(),
                                          [&](const pattern& each) { return each.matches(handler_words(o)); });
}

std::vector<const surveyed_operation*> shown_of(const operation_survey& survey, const operations_style& style) {
  std::vector<const surveyed_operation*> shown;
  for (const auto& each : survey.operations)
    if (is_shown(each, style)) shown.push_back(&each);
  return shown;
}

struct alike_operations {
  const surveyed_operation* one;
  std::size_t count;
};

std::vector<alike_operations> groups_of(const std::vector<const surveyed_operation*>& shown) {
  using group_of = std::tuple<int, std::string_view, std::string_view, unsigned, bool>;
  std::map<group_of, std::size_t> places;
  std::vector<alike_operations> groups;
  for (const auto* o : shown) {
    const group_of key{o->kind, o->handler, o->place ? std::string_view(o->place->file) : std::string_view(),
                       o->place ? o->place->line : 0, o->of_task};
    const auto [known, is_new] = places.try_emplace(key, groups.size());
    if (is_new) groups.push_back({o, 0});
    ++groups[known->second].count;
  }
  std::stable_sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.count > b.count; });
  return groups;
}

/// Milliseconds until a timer expires, negative: since; nothing: it never does, or that is not known.
std::optional<std::int64_t> expires_in_ms(const surveyed_operation& o, const operation_survey& survey) {
  const auto now = o.is.is_system_clock ? survey.wall_ns : survey.monotonic_ns;
  if (!o.is.expiry || *o.is.expiry == never || !now) return std::nullopt;
  // Without an overflow, whatever is in the target's memory.
  return *o.is.expiry / ns_in_ms - *now / ns_in_ms;
}

std::string expiry_words(const surveyed_operation& o, const operation_survey& survey) {
  if (o.is.expiry && *o.is.expiry == never) return "never expires";
  const auto ms = expires_in_ms(o, survey);
  if (!ms) return "expiry not known";
  const auto whole = static_cast<std::uint64_t>(*ms < 0 ? -(*ms + 1) : *ms);
  return *ms < 0 ? fmt::format("expired {} ago", format_age(whole, 1000)) : "in " + format_age(whole, 1000);
}

/// "fd 7 127.0.0.1:5000", "in 3s", "SIGINT, SIGTERM", "db.internal:5432"; empty: nothing to say.
std::string object_words(const surveyed_operation& o, const operation_survey& survey) {
  std::string text;
  if (o.is.fd) {
    text = fmt::format("fd {}{}", *o.is.fd, endpoint_words(o.fd));
  } else if (o.is.in == queued_operation::queue::timer) {
    text = expiry_words(o, survey);
  } else if (o.is.in == queued_operation::queue::signal) {
    for (const auto signal : o.is.signals) text += (text.empty() ? "" : ", ") + signal_name(signal);
  } else if (o.is.in == queued_operation::queue::channel) {
    text = fmt::format("channel {:#x}", o.is.object);
  } else if (o.is.in == queued_operation::queue::strand) {
    text = fmt::format("queued on strand {:#x}", o.is.object);
  } else if (o.is.in == queued_operation::queue::scheduler) {
    text = "queued for a thread";
  } else {
    text = o.is.name;
  }
  fmt::memory_buffer clean;
  append_foreign(clean, text);
  return {clean.data(), clean.size()};
}

std::string place_words(const surveyed_operation& o) {
  if (!o.place || o.of_task) return {};
  fmt::memory_buffer clean;
  append_foreign(clean, fmt::format("{}:{}", base_name(o.place->file), o.place->line));
  return {clean.data(), clean.size()};
}

std::string counted_kinds(const std::vector<std::pair<std::string, std::size_t>>& kinds) {
  std::string text;
  for (const auto& [kind, count] : kinds) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, kind);
  return text;
}

void count_kind(std::vector<std::pair<std::string, std::size_t>>& kinds, std::string kind) {
  const auto known = std::find_if(kinds.begin(), kinds.end(), [&](const auto& each) { return each.first == kind; });
  if (known == kinds.end())
    kinds.emplace_back(std::move(kind), 1);
  else
    ++known->second;
}

/// "io_context 0x…: outstanding work 3: 1 timer, 1 socket read, 1 not accounted for (…)".
std::string work_words(const operation_survey& survey, std::size_t index) {
  constexpr std::uint64_t most_work = std::uint64_t{1} << 40;
  const auto& context = survey.contexts[index];
  auto text = fmt::format("{} {:#x}: ", context.type.empty() ? "execution context" : context.type, context.is.address);
  const auto& state = context.is.state;
  if (!state || state->work > most_work) return text + "outstanding work not known";
  if (state->stopped) text += "stopped, ";
  if (state->work == 0) return text + "no outstanding work: run() returns";
  text += fmt::format("outstanding work {}", state->work);
  std::vector<std::pair<std::string, std::size_t>> kinds;
  std::uint64_t own = 0;
  for (const auto& o : survey.operations) {
    using queue = queued_operation::queue;
    if (o.is.context != index || o.is.in == queue::channel || o.is.in == queue::strand) continue;
    ++own;
    count_kind(kinds, std::string(kind_name(o.kind)) + (o.of_task ? " of tasks" : ""));
  }
  if (context.operations > own) kinds.emplace_back("strand to run", context.operations - own);
  // What began or ended while it was told is none.
  if (const auto rest = state->work - std::min(state->work, context.operations); rest != 0)
    kinds.emplace_back(context.type == "thread_pool" ? "not accounted for (the pool itself until join(), a work guard, "
                                                       "or work in progress)"
                       : survey.has_coroutines
                           ? "not accounted for (tasks, work guards, executors that handlers keep, or work in progress)"
                           : "not accounted for (work guards, executors that handlers keep, or work in progress)",
                       rest);
  return kinds.empty() ? text : text + ": " + counted_kinds(kinds);
}

void render_rows(fmt::memory_buffer& out, const std::vector<const surveyed_operation*>& shown, std::size_t count,
                 const operation_survey& survey, const render_context& context) {
  std::vector<table_row> rows = {{"KIND", "WHAT", "HANDLER", "PLACE"}};
  for (std::size_t i = 0; i < count; ++i)
    rows.push_back({std::string(kind_name(shown[i]->kind)), object_words(*shown[i], survey), handler_words(*shown[i]),
                    place_words(*shown[i])});
  render_table(out, {{}, {}, {false, 0, true}, {}}, rows, "", context.style);
}

void render_groups(fmt::memory_buffer& out, const std::vector<alike_operations>& groups, std::size_t count,
                   const render_context& context) {
  std::vector<table_row> rows = {{"COUNT", "KIND", "HANDLER", "PLACE"}};
  for (std::size_t i = 0; i < count; ++i)
    rows.push_back({std::to_string(groups[i].count), std::string(kind_name(groups[i].one->kind)),
                    handler_words(*groups[i].one), place_words(*groups[i].one)});
  render_table(out, {{true}, {}, {false, 0, true}, {}}, rows, "", context.style);
}

std::size_t limited(std::size_t count, const operations_style& style) {
  return style.limit == 0 ? count : std::min(count, style.limit);
}

void fill_view(const surveyed_operation& from, const operation_survey& survey, v1::OperationView& view) {
  view.set_address(fmt::format("{:#x}", from.is.address));
  auto& wait = *view.mutable_wait();
  wait.set_kind(from.kind);
  if (from.is.object != 0) wait.set_object(fmt::format("{:#x}", from.is.object));
  if (from.is.fd) wait.set_fd(*from.is.fd);
  wait.set_peer(from.fd.peer);
  wait.set_local_address(from.fd.local);
  wait.set_fd_kind(from.fd.name);
  wait.set_shut_down(from.fd.shut_down);
  if (const auto ms = expires_in_ms(from, survey)) wait.set_expires_in_seconds(static_cast<double>(*ms) / 1000);
  if (from.is.expiry) wait.set_never_expires(*from.is.expiry == never);
  view.set_handler(from.handler);
  if (from.place) {
    view.set_file(from.place->file);
    view.set_line(from.place->line);
  }
  view.set_queued(from.is_queued());
  view.set_of_task(from.of_task);
  view.set_stackful(from.stackful);
  for (const auto signal : from.is.signals) view.add_signals(signal_name(signal));
  view.set_looks_up(from.is.name);
  view.set_context(fmt::format("{:#x}", survey.contexts[from.is.context].is.address));
}

}  // namespace

std::string callbacks_by_kind(const operation_survey& survey) {
  std::vector<std::pair<std::string, std::size_t>> kinds;
  for (const auto& each : survey.operations)
    if (!each.of_task) count_kind(kinds, std::string(kind_name(each.kind)));
  return counted_kinds(kinds);
}

void render_operations(fmt::memory_buffer& out, const operation_survey& survey, const operations_style& style,
                       const render_context& context) {
  const auto to = std::back_inserter(out);
  const auto shown = shown_of(survey, style);
  const auto groups = style.group ? groups_of(shown) : std::vector<alike_operations>();
  const auto whole = style.group ? groups.size() : shown.size();
  const auto count = limited(whole, style);
  if (count != 0 && style.group) render_groups(out, groups, count, context);
  if (count != 0 && !style.group) render_rows(out, shown, count, survey, context);
  if (count < whole) fmt::format_to(to, "… {} more\n", whole - count);
  const auto all = survey.callbacks + (style.all ? survey.of_tasks : 0);
  if (whole == 0 && all != 0) fmt::format_to(to, "none of {} {} matches\n", all, all == 1 ? "operation" : "operations");
  if (count != 0 || all != 0) out.push_back('\n');
  fmt::format_to(to, "{} {} without a task (since when is not known)", survey.callbacks,
                 survey.callbacks == 1 ? "operation pends" : "operations pend");
  if (survey.of_tasks != 0) fmt::format_to(to, "; {} of tasks: tasks stack {}", survey.of_tasks, target_words(context));
  out.push_back('\n');
  for (std::size_t i = 0; i < survey.contexts.size(); ++i) append(out, work_words(survey, i) + "\n");
  if (survey.stopped_ms > 0) fmt::format_to(to, "\ntarget stopped {:.1f} ms to be copied\n", survey.stopped_ms);
  if (!survey.notes.empty()) out.push_back('\n');
  for (const auto& note : survey.notes) append(out, "! " + note + "\n");
}

void fill_view(const operation_survey& survey, const operations_style& style, v1::OperationsView& view) {
  const auto shown = shown_of(survey, style);
  if (style.group) {
    const auto groups = groups_of(shown);
    for (std::size_t i = 0; i < limited(groups.size(), style); ++i) {
      auto& to = *view.add_groups();
      const auto& one = *groups[i].one;
      to.set_count(groups[i].count);
      to.set_kind(one.kind);
      to.set_handler(one.handler);
      if (one.place) to.set_file(one.place->file);
      if (one.place) to.set_line(one.place->line);
      to.set_stackful(one.stackful);
      to.set_of_task(one.of_task);
    }
  } else {
    for (std::size_t i = 0; i < limited(shown.size(), style); ++i) fill_view(*shown[i], survey, *view.add_operations());
  }
  view.set_callbacks(survey.callbacks);
  view.set_of_tasks(survey.of_tasks);
  for (const auto& context : survey.contexts) {
    auto& to = *view.add_contexts();
    to.set_address(fmt::format("{:#x}", context.is.address));
    to.set_type(context.type);
    if (context.is.state) to.set_outstanding_work(context.is.state->work);
    if (context.is.state && context.is.state->stopped) to.set_stopped(true);
    to.set_operations(context.operations);
  }
  for (const auto& note : survey.notes) view.add_notes(note);
  view.set_stopped_seconds(survey.stopped_ms / 1000);
}

}  // namespace tasks::cli
