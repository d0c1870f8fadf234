#include "views/channels.hpp"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "views/json.hpp"
#include "views/stack.hpp"

namespace tasks::cli {
namespace {

using references = surveyed_channel::references;

/// "4 senders"; both kinds only where some went and others came while they were read.
std::string waiters_of(const surveyed_channel& channel) {
  if (channel.receivers == 0) return number_and_noun(channel.senders, "sender");
  if (channel.senders == 0) return number_and_noun(channel.receivers, "receiver");
  return number_and_noun(channel.senders, "sender") + " and " + number_and_noun(channel.receivers, "receiver");
}

bool is_full(const surveyed_channel& channel) { return channel.senders > channel.receivers; }

void render_references(fmt::memory_buffer& out, const surveyed_channel& channel) {
  const std::string_view them = channel.senders + channel.receivers == 1 ? "its waiter" : "its waiters";
  switch (channel.who) {
    case references::nothing_alive:
      fmt::format_to(std::back_inserter(out), "nothing alive points to it: {} will never wake\n", them);
      break;
    case references::held:
      append(out, channel.held_words + "\n");
      break;
    case references::unknown:
      if (!channel.held_by.empty()) append(out, "who else points to it is not known: " + channel.held_by + "\n");
      break;
  }
}

void append_indented(fmt::memory_buffer& out, std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find('\n') + 1;
    append(out, "  ");
    append(out, text.substr(0, end));
    text.remove_prefix(end);
  }
}

void render_channel(fmt::memory_buffer& out, const surveyed_channel& channel, const render_context& context) {
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "channel {:#x} [{}", channel.address, is_full(channel) ? "full" : "empty");
  if (channel.capacity) fmt::format_to(to, ", capacity {}", *channel.capacity);
  if (channel.closed.value_or(false)) append(out, ", closed");
  fmt::format_to(to, "]: {}", waiters_of(channel));
  if (channel.oldest_ms) fmt::format_to(to, ", oldest {}", format_age(*channel.oldest_ms, context.resolution_ms));
  if (channel.seen_ms) fmt::format_to(to, ", one seen for {}", format_age(*channel.seen_ms, context.resolution_ms));
  out.push_back('\n');
  render_references(out, channel);
  for (const auto& each : channel.waiters) {
    fmt::memory_buffer group;
    render_group(group, each.group, each.meaning, true, context, "", each.named);
    append_indented(out, {group.data(), group.size()});
  }
}

v1::ChannelView::References in_view(references who) {
  switch (who) {
    case references::nothing_alive:
      return v1::ChannelView::NOTHING_ALIVE;
    case references::held:
      return v1::ChannelView::HELD;
    case references::unknown:
      break;
  }
  return v1::ChannelView::REFERENCES_UNSPECIFIED;
}

}  // namespace

void render_channels(fmt::memory_buffer& out, const channel_survey& survey, const render_context& context) {
  for (const auto& channel : survey.channels) {
    if (&channel != &survey.channels.front()) out.push_back('\n');
    render_channel(out, channel, context);
  }
  if (survey.channels.empty() && survey.left_out != 0) {
    fmt::format_to(std::back_inserter(out), "none of those tasks waits on any of the {}\n",
                   number_and_noun(survey.left_out, "channel"));
  } else if (survey.channels.empty()) {
    fmt::format_to(std::back_inserter(out), "no task waits on a channel ({} {})\n", survey.trailer.total(),
                   survey.trailer.total() == 1 ? "task" : "tasks");
  } else {
    render_trailer(out, survey.trailer, false);
  }
  if (survey.stopped_ms > 0)
    fmt::format_to(std::back_inserter(out), "\ntarget stopped {:.1f} ms to be copied\n", survey.stopped_ms);
  if (!survey.notes.empty()) out.push_back('\n');
  for (const auto& note : survey.notes) append(out, "! " + note + "\n");
}

void fill_view(const channel_survey& survey, v1::ChannelsView& view) {
  for (const auto& channel : survey.channels) {
    auto& to = *view.add_channels();
    to.set_address(fmt::format("{:#x}", channel.address));
    if (channel.capacity) to.set_capacity(*channel.capacity);
    to.set_state(is_full(channel) ? v1::ChannelView::FULL : v1::ChannelView::EMPTY);
    if (channel.closed) to.set_closed(*channel.closed);
    to.set_senders(channel.senders);
    to.set_receivers(channel.receivers);
    for (const auto& each : channel.waiters) {
      auto& waiters = *to.add_waiters();
      fill_view(each.group, each.meaning, waiters);
      fill_view(each.named, *waiters.mutable_named());
    }
    if (channel.oldest_ms) to.set_oldest_seconds(static_cast<double>(*channel.oldest_ms) / 1000);
    if (channel.seen_ms) to.set_seen_seconds(static_cast<double>(*channel.seen_ms) / 1000);
    to.set_references(in_view(channel.who));
    to.set_held_by(channel.held_by);
  }
  view.set_shown(survey.trailer.shown());
  view.set_total(survey.trailer.total());
  view.set_complete(survey.trailer.complete());
  for (const auto& note : survey.notes) view.add_notes(note);
  view.set_stopped_seconds(survey.stopped_ms / 1000);
}

}  // namespace tasks::cli
