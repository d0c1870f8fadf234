#include "surveys/channels.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "proof/asio_channels.hpp"
#include "surveys/group_keys.hpp"
#include "surveys/look.hpp"

namespace tasks::cli {
namespace {

class collector {
 public:
  collector(resolver& names, const selection* chosen) : keys_(names) {
    if (chosen != nullptr && !chosen->is_empty()) selector_.emplace(names, *chosen);
  }

  void add(const v1::Chunk& chunk) {
    keys_.learn(chunk);
    for (const auto& task : chunk.tasks()) add(task);
  }

  /// Channels that none of the chosen tasks waits on, once it has finished.
  [[nodiscard]] std::size_t left_out() const noexcept { return left_out_; }

  std::vector<surveyed_channel> finish(resolver& names) {
    if (selector_) leave_out_others();
    for (auto& channel : channels_) {
      std::stable_sort(channel.waiters.begin(), channel.waiters.end(),
                       [](const auto& a, const auto& b) { return a.group.count() > b.group.count(); });
      for (auto& each : channel.waiters) names.resolve(each.group, each.meaning);
    }
    std::stable_sort(channels_.begin(), channels_.end(), [](const auto& a, const auto& b) {
      const auto key = [](const surveyed_channel& c) { return std::pair(c.senders + c.receivers, c.oldest_ms); };
      return key(a) > key(b);
    });
    return std::move(channels_);
  }

 private:
  void leave_out_others() {
    std::vector<surveyed_channel> kept;
    for (std::size_t i = 0; i < channels_.size(); ++i)
      if (chosen_.contains(i)) kept.push_back(std::move(channels_[i]));
    left_out_ = channels_.size() - kept.size();
    channels_ = std::move(kept);
  }

  void add(const v1::Task& task) {
    const auto object = task.wait().object();
    const auto [known, is_new] = by_address_.try_emplace(object, channels_.size());
    if (is_new) channels_.emplace_back().address = object;
    if (selector_ && selector_->passes(task)) chosen_.insert(known->second);
    auto& channel = channels_[known->second];
    if (task.wait().has_capacity()) channel.capacity = task.wait().capacity();
    (task.wait().kind() == v1::Wait::CHANNEL_SEND ? channel.senders : channel.receivers) += 1;
    if (!task.age_unknown())
      channel.oldest_ms = std::max(channel.oldest_ms.value_or(0), task.age_ms());
    else if (task.age_ms() != 0)
      channel.seen_ms = std::max(channel.seen_ms.value_or(0), task.age_ms());
    add_to_group(known->second, task);
  }

  void add_to_group(std::size_t channel, const v1::Task& task) {
    auto& waiters = channels_[channel].waiters;
    const auto [known, is_new] = groups_.try_emplace({channel, keys_.of(task)}, waiters.size());
    if (is_new) {
      auto& made = waiters.emplace_back().group;
      made.set_state(v1::Task::BLOCKED);
      *made.mutable_wait() = task.wait();
      *made.mutable_frames() = task.frames();
      made.set_spawn_path(task.spawn_path());
      made.set_spawn_location(task.spawn_location());
      made.set_spawn_outer_location(task.spawn_outer_location());
      made.set_age_unknown(task.age_unknown());
    }
    auto& [group, named, meaning] = waiters[known->second];
    group.set_count(group.count() + 1);
    group.set_oldest_ms(std::max(group.oldest_ms(), task.age_ms()));
    if (group.ids_size() < most_ids) name_task(task, group, named);
  }

  std::vector<surveyed_channel> channels_;
  std::unordered_map<std::uint64_t, std::size_t> by_address_;
  group_keys keys_;
  std::map<std::pair<std::size_t, group_key>, std::size_t> groups_;  ///< by channel
  std::optional<selector> selector_;                                 ///< nothing: all channels are told of
  std::unordered_set<std::size_t> chosen_;
  std::size_t left_out_ = 0;
};

}  // namespace

/// A channel's memory: {receivers' state : 16, senders' state : 16, …}, capacity; see proof/asio_channels.hpp.
std::optional<bool> read_closed(const memory& from, std::uint64_t channel, std::optional<std::uint64_t> capacity) {
  constexpr unsigned closed_state = 3;
  struct {
    std::uint16_t receivers, senders;
    std::uint64_t capacity;
  } head;
  if (from.read(channel, &head, sizeof head) != sizeof head) return std::nullopt;
  if (head.receivers > closed_state || head.senders > closed_state) return std::nullopt;
  if (capacity && *capacity != head.capacity) return std::nullopt;
  return head.senders == closed_state;
}

namespace {

void read_states(const snapshot_source& source, std::vector<surveyed_channel>& channels) {
  if (const auto* from = source.from())
    for (auto& channel : channels) channel.closed = read_closed(from->bytes(), channel.address, channel.capacity);
  if (source.recorded() == nullptr) return;
  std::unordered_map<std::uint64_t, bool> closed;
  for (const auto& each : source.recorded()->channels())
    if (each.has_closed()) closed.emplace(each.address(), each.closed());
  for (auto& channel : channels)
    if (const auto known = closed.find(channel.address); known != closed.end()) channel.closed = known->second;
}

/// Of all that waits on one channel. What holds one waiter of it holds all of them, through the channel.
void judge(surveyed_channel& channel, const proof_result& proof, const std::vector<const brief_finding*>& waiters) {
  const auto first = [&](auto is) {
    const auto at = std::find_if(waiters.begin(), waiters.end(), is);
    return at == waiters.end() ? nullptr : *at;
  };
  std::unordered_set<std::uint64_t> ids;
  for (const auto* each : waiters) ids.insert(each->task);
  const auto is_held = [](const auto* f) { return f->verdict == certainty::held; };
  const auto from_outside = [&](const auto* f) {
    const auto& by = proof.holders[f->by];
    return is_held(f) && (by.is != holder::kind::frame || !ids.contains(by.id));
  };
  const auto* held = first(from_outside);
  if (held == nullptr) held = first(is_held);
  if (held != nullptr) {
    channel.who = surveyed_channel::references::held;
    const auto told = proof.tell(*held);
    channel.held_by = describe_holders(told);
    channel.held_words = held_words(told);
  } else if (const auto* doubtful = first([](const auto* f) { return f->verdict == certainty::unchecked; })) {
    channel.held_by = proof.reasons[doubtful->reason];
  } else if (first([](const auto* f) { return f->verdict == certainty::likely; }) != nullptr) {
    channel.held_by = "nothing that was read does, but not all was read";
  } else if (waiters.size() >= channel.senders + channel.receivers) {
    channel.who = surveyed_channel::references::nothing_alive;
  }
}

void look_for_holders(const result<proof_result>& proof, channel_survey& survey) {
  const std::string missing = "who else points to these channels is not known: ";
  if (!proof) {
    survey.notes.push_back(missing + in_words(proof.why()));
    return;
  }
  if (!proof->doubt.empty()) survey.notes.push_back(missing + proof->doubt);
  if (!proof->unread.empty())
    survey.notes.push_back("registers that may point to these channels were not read: " + proof->unread);
  survey.stopped_ms = proof->stopped_ms;
  std::unordered_map<std::uint64_t, std::vector<const brief_finding*>> by_channel;
  for (const auto& each : proof->findings) by_channel[each.object].push_back(&each);
  for (auto& channel : survey.channels) judge(channel, *proof, by_channel[channel.address]);
}

}  // namespace

result<channel_survey> survey_channels(snapshot_source& source, resolver& names, const channel_options& options) {
  v1::StacksRequest query;
  query.add_kinds(v1::Wait::CHANNEL_SEND);
  query.add_kinds(v1::Wait::CHANNEL_RECEIVE);
  collector found(names, options.chosen);
  auto trailer = source.stacks(query, [&](const v1::Chunk& chunk) {
    names.learn(chunk);
    found.add(chunk);
    return true;
  });
  if (!trailer) return trailer.why();
  channel_survey survey;
  survey.trailer = *std::move(trailer);
  survey.channels = found.finish(names);
  survey.left_out = found.left_out();
  if (survey.channels.empty()) return survey;
  read_states(source, survey.channels);
  if (options.look)
    look_for_holders(options.made != nullptr ? *options.made : look_for_proof(source, options.stop), survey);
  return survey;
}

}  // namespace tasks::cli
