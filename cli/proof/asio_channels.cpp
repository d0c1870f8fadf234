#include "proof/asio_channels.hpp"

#include <algorithm>

namespace tasks::cli {
namespace {

/// Every channel of Asio is {…, service, implementation, …}, and the implementation begins {two states of 16 bits,
/// capacity, first waiter, last waiter, next, previous}.
constexpr std::uint64_t from_service = 8;
constexpr std::uint64_t most_states = 3, closed_state = 3;

}  // namespace

std::vector<channel_offsets> offsets_of(const std::vector<root_copy>& roots) {
  std::vector<channel_offsets> offsets;
  for (const auto& root : roots) {
    const channel_offsets its{root.channel_next, root.channel_prev};
    if (its.next != 0 && std::find(offsets.begin(), offsets.end(), its) == offsets.end()) offsets.push_back(its);
  }
  if (offsets.empty()) offsets.emplace_back();
  return offsets;
}

bool channel_list::looks_like_channel(std::uint64_t channel) const {
  if (channel % 8 != 0 || image_.at(channel - from_service, 56) == nullptr) return false;
  const auto states = image_.word(channel);
  return (states & 0xffff) <= most_states && (states >> 16 & 0xffff) <= most_states;
}

bool channel_list::verify(std::uint64_t channel) {
  if (const auto known = verified_.find(channel); known != verified_.end()) return known->second;
  std::vector<std::uint64_t> channels{channel}, links;
  const bool whole = walk(channels, links);
  for (const auto each : channels) verified_[each] = whole;
  if (whole) links_.insert(links_.end(), links.begin(), links.end());
  return whole;
}

bool channel_list::walk(std::vector<std::uint64_t>& channels, std::vector<std::uint64_t>& links) const {
  const auto channel = channels.front();
  if (!looks_like_channel(channel)) return false;
  const auto service = image_.word(channel - from_service);
  const auto object = heap_.find(service);
  if (object == heap_map::none || heap_.is_free(object)) return false;
  const auto its_memory = heap_.extent(object);
  if (its_memory.begin != service) return false;
  const auto follows = [&](std::uint64_t next, std::uint64_t previous) {
    return channels.size() < longest_list && looks_like_channel(next) && looks_like_channel(previous) &&
           image_.word(next - from_service) == service && image_.word(previous - from_service) == service &&
           image_.word(previous + offsets_.next) == next && image_.word(next + offsets_.previous) == previous;
  };
  auto first = channel;
  for (auto at = channel; image_.word(at + offsets_.next) != 0;) {
    const auto next = image_.word(at + offsets_.next);
    if (next == channel || !follows(next, at)) return false;
    links.push_back(at + offsets_.next);
    links.push_back(next + offsets_.previous);
    channels.push_back(at = next);
  }
  while (const auto previous = image_.word(first + offsets_.previous)) {
    if (!follows(first, previous)) return false;
    links.push_back(first + offsets_.previous);
    links.push_back(previous + offsets_.next);
    channels.push_back(first = previous);
  }
  // The head: the only word of the service that leads to the first channel.
  std::uint64_t head = 0;
  for (auto at = service; at + 8 <= its_memory.end; at += 8) {
    if (image_.word(at) != first) continue;
    if (head != 0) return false;
    head = at;
  }
  if (head != 0) links.push_back(head);
  return head != 0;
}

bool channel_list::is_closed(std::uint64_t channel) const {
  return (image_.word(channel) >> 16 & 0xffff) == closed_state;  // as senders see it
}

const std::vector<heap_map::object>& channel_list::waiters(std::uint64_t channel) {
  const auto [known, is_new] = waiters_.try_emplace(channel);
  if (is_new) known->second = objects_of(image_, heap_, image_.word(channel + offsets_.next - 16));
  return known->second;
}

std::vector<heap_map::object> objects_of(const memory_image& image, const heap_map& heap,
                                         std::uint64_t first_operation) {
  std::vector<heap_map::object> found;
  // A damaged list may come back to where it was: one of these places is on the circle (Brent's algorithm).
  std::uint64_t place = 0, steps = 0, next_place = 1;
  for (auto operation = first_operation; operation != 0 && operation != place; operation = image.word(operation)) {
    if (++steps == next_place) {
      place = operation;
      next_place *= 2;
    }
    const auto o = heap.find(operation);
    if (o == heap_map::none || heap.is_free(o)) break;
    const auto memory = heap.extent(o);
    for (auto at = memory.begin; at + 8 <= memory.end; at += 8) {
      const auto pointed = heap.find(image.word(at));
      if (pointed != heap_map::none) found.push_back(pointed);
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace tasks::cli
