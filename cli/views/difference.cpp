#include "views/difference.hpp"

#include <algorithm>

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "views/frames.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

/// "new: 12 tasks", "vanished: 3 tasks", "more: 4 → 16 tasks", "fewer: 9 → 2 tasks", "others: 7 tasks".
std::string change_words(const changed_group& group) {
  const auto tasks = [](std::uint64_t count) { return count == 1 ? "task" : "tasks"; };
  if (group.is_new()) return fmt::format("new: {} {}", group.after, tasks(group.after));
  if (group.has_vanished()) return fmt::format("vanished: {} {}", group.before, tasks(group.before));
  if (group.growth() == 0) return fmt::format("others: {} {}", group.after, tasks(group.after));
  return fmt::format("{}: {} → {} {}", group.growth() > 0 ? "more" : "fewer", group.before, group.after,
                     tasks(group.after));
}

void render_group(fmt::memory_buffer& out, const changed_group& group, const difference& found,
                  const render_context& context) {
  const auto to = std::back_inserter(out);
  out.push_back('\n');
  if (context.style.color) append(out, bold);
  fmt::format_to(to, "{} [{}]", change_words(group), describe_state(group.group, group.meaning, context));
  append(out, growth_words(group.growth(), found.seconds));
  if (found.same_process && !group.is_new() && !group.has_vanished())
    fmt::format_to(to, "; {} came, {} went, {} stayed", group.came, group.went, group.stayed);
  out.push_back(':');
  if (context.style.color) append(out, plain);
  out.push_back('\n');
  render_frames(out, group.meaning, context.style);
  render_spawn_site(out, group.meaning);
  const auto& ids = group.group.ids();
  if (ids.empty() || group.has_vanished()) return;
  const bool all = static_cast<std::uint64_t>(ids.size()) >= group.after;
  fmt::format_to(to, "{} {}{}: {}\n", ids.size() == 1 && all ? "task" : "tasks",
                 fmt::join(ids.begin(), ids.end(), ", "), all ? "" : ", …", why_line(ids[0], context));
}

void render_channels(fmt::memory_buffer& out, const difference& found) {
  for (const auto& each : found.channels) {
    fmt::format_to(std::back_inserter(out), "filled: channel {:#x}", each.address);
    if (each.capacity) fmt::format_to(std::back_inserter(out), " [capacity {}]", *each.capacity);
    const auto ends = [&](std::string_view what, std::uint64_t before, std::uint64_t after) {
      if (before + after != 0) fmt::format_to(std::back_inserter(out), "  {} → {} {}", before, after, what);
    };
    ends("senders", each.senders_before, each.senders);
    ends("receivers", each.receivers_before, each.receivers);
    out.push_back('\n');
  }
}

void render_queues(fmt::memory_buffer& out, const difference& found) {
  for (const auto& each : found.queues) {
    fmt::format_to(std::back_inserter(out), "queue: fd {}", each.fd);
    append_foreign(out, endpoint_words(each.is));
    const auto queue = [&](std::string_view what, std::uint64_t before, std::uint64_t after) {
      if (after > before) fmt::format_to(std::back_inserter(out), "  {} → {} {}", before, after, what);
    };
    queue(each.is.listens ? "connections to be accepted" : "bytes unread", each.before.receive,
          each.is.waiting->receive);
    if (!each.is.listens) queue("bytes unsent", each.before.send, each.is.waiting->send);
    out.push_back('\n');
  }
}

}  // namespace

void render_difference(fmt::memory_buffer& out, const difference& found, const difference_style& style,
                       const render_context& context) {
  const auto to = std::back_inserter(out);
  append_foreign(out, fmt::format("{} → {}", style.earlier, style.later));
  out.push_back('\n');
  fmt::format_to(
      to, "tasks: {} → {}{}", found.before, found.after,
      growth_words(static_cast<std::int64_t>(found.after) - static_cast<std::int64_t>(found.before), found.seconds));
  if (found.same_process)
    fmt::format_to(to, ": {} came, {} went, {} stayed\n", found.came, found.went, found.stayed);
  else
    append(out, "; two processes: their tasks are compared by number alone\n");
  const auto shown = std::min(style.limit, found.groups.size());
  for (std::size_t i = 0; i < shown; ++i) render_group(out, found.groups[i], found, context);
  if (!found.channels.empty() || !found.stalled.empty() || !found.queues.empty()) out.push_back('\n');
  render_channels(out, found);
  for (const auto& each : found.stalled)
    fmt::format_to(to, "stalled: thread {} has run task {} all the while, for {}\n", each.thread, each.task,
                   format_age(each.age_ms, found.resolution_ms));
  render_queues(out, found);
  out.push_back('\n');
  if (shown < found.groups.size())
    fmt::format_to(to, "{} left out (--limit)\n", number_and_noun(found.groups.size() - shown, "group"));
  fmt::format_to(to, "{} did not change\n", number_and_noun(found.unchanged, "stack"));
}

void fill_view(const difference& found, const difference_style& style, v1::DiffView& view) {
  view.set_earlier(style.earlier);
  view.set_later(style.later);
  view.set_seconds(found.seconds);
  view.set_same_process(found.same_process);
  view.set_tasks_before(found.before);
  view.set_tasks_after(found.after);
  view.set_came(found.came);
  view.set_went(found.went);
  view.set_stayed(found.stayed);
  const auto shown = std::min(style.limit, found.groups.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& group = found.groups[i];
    auto& to = *view.add_groups();
    fill_view(group.group, group.meaning, *to.mutable_group());
    to.set_before(group.before);
    to.set_after(group.after);
    to.set_came(group.came);
    to.set_went(group.went);
    to.set_stayed(group.stayed);
    if (const auto rate = growth_per_minute(group.growth(), found.seconds)) to.set_growth_per_minute(*rate);
  }
  view.set_groups_left_out(found.groups.size() - shown);
  view.set_groups_unchanged(found.unchanged);
  for (const auto& each : found.channels) {
    auto& to = *view.add_filled_channels();
    to.set_address(each.address);
    if (each.capacity) to.set_capacity(*each.capacity);
    to.set_senders_before(each.senders_before);
    to.set_senders_after(each.senders);
    to.set_receivers_before(each.receivers_before);
    to.set_receivers_after(each.receivers);
  }
  for (const auto& each : found.stalled) {
    auto& to = *view.add_stalled();
    to.set_task_id(each.task);
    to.set_thread(each.thread);
    to.set_seconds(seconds(each.age_ms));
  }
  for (const auto& each : found.queues) {
    auto& to = *view.add_grown_queues();
    to.set_fd(each.fd);
    to.set_peer(each.is.peer);
    to.set_local_address(each.is.local);
    to.set_unread_bytes_before(each.before.receive);
    to.set_unread_bytes_after(each.is.waiting->receive);
    to.set_unsent_bytes_before(each.before.send);
    to.set_unsent_bytes_after(each.is.waiting->send);
  }
}

}  // namespace tasks::cli
