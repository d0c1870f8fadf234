#include "hookless/wait_objects.hpp"

#include <pthread.h>

#include <algorithm>
#include <array>

#include "tasks/detail/wait_kinds.hpp"

namespace tasks::cli {
namespace {

using layout::wait_kind;

/// A channel is {two states of 16 bits, capacity, queue}, a timer {expiry, may it have waits?, queue, place in the heap
/// of timers}.
constexpr std::uint64_t to_own_queue = 16, capacity_before_queue = 8, flag_before_queue = 8, place_behind_queue = 16;
constexpr std::uint64_t least_no_place = std::uint64_t{1} << 32;
/// A capacity is small, or none; not an address.
constexpr std::uint64_t least_no_capacity = std::uint64_t{1} << 40, least_boundless = std::uint64_t{1} << 63;
/// On a steady clock it is the year 2001 only after decades.
constexpr std::int64_t least_system_time = 1'000'000'000'000'000'000;

/// A descriptor_state is {next, function, …, descriptor : 32, events : 32, three queues}.
constexpr std::uint64_t to_function = 8, least_to_queues = 16, most_to_queues = 160;
constexpr std::uint64_t least_to_queue = 24, most_to_queue = 200, queue_size = 16, kinds_of_queue = 3;
constexpr std::uint32_t most_descriptors = 1U << 20;
/// EPOLLET and EPOLLONESHOT are the highest bits of events.
constexpr std::uint32_t event_flags = 0xc000'0000, least_no_event = 0x4000;
/// A resolver's operation is {next, function, result, error, weak reference, …}.
constexpr std::uint64_t least_to_token = 40, most_to_token = 64;
/// Of an operation on a socket that no reactor has: its descriptor.
constexpr std::uint64_t to_descriptor_of_operation = 64;

bool is_on_channel(wait_kind kind) { return kind == wait_kind::channel_send || kind == wait_kind::channel_receive; }

}  // namespace

bool wait_objects::may_be_queue(const operation_function& function, std::uint64_t queue) const {
  const auto kind = function.waits_for;
  if (is_on_channel(kind)) {
    constexpr std::uint64_t states = 0xffff'ffff, no_state = 0xfffc'fffc;
    const auto capacity = word(queue - capacity_before_queue);
    return (word(queue - to_own_queue) & states & no_state) == 0 &&
           (capacity < least_no_capacity || capacity >= least_boundless);
  }
  if (kind == wait_kind::timer) {
    const auto place = word(queue + place_behind_queue);
    return (word(queue - flag_before_queue) & 0xff) <= 1 && (place < least_no_place || place == ~std::uint64_t{0});
  }
  if (!detail::has_descriptor(kind) || scene_.code.descriptor_state_function() == 0) return true;
  for (auto back = least_to_queue; back <= most_to_queue; back += 8)
    if (begins_state(word(queue - back))) return true;
  return false;
}

/// There may be several of them: of Asio, of Boost's, and of libraries that keep theirs to themselves.
bool wait_objects::begins_state(std::uint64_t function) const {
  if (function == 0 || function == scene_.code.descriptor_state_function()) return function != 0;
  const auto* known = scene_.code.operation_at(function);
  return known != nullptr && known->symbol.find("epoll_reactor16descriptor_state") != std::string_view::npos;
}

std::optional<wait_objects::descriptor_state> wait_objects::state_of(std::uint64_t queue) const {
  for (std::uint64_t kind = 0; kind < kinds_of_queue && queue != 0; ++kind) {
    const auto queues = queue - kind * queue_size;
    const auto both = word(queues - 8);
    const auto fd = static_cast<std::uint32_t>(both), events = static_cast<std::uint32_t>(both >> 32);
    if (fd >= most_descriptors || events == 0 || (events & ~event_flags) >= least_no_event) continue;
    if (scene_.code.descriptor_state_function() == 0) return descriptor_state{0, fd};
    for (auto back = least_to_queues; back <= most_to_queues; back += 8)
      if (begins_state(word(queues - back))) return descriptor_state{queues - back - to_function, fd};
  }
  return std::nullopt;
}

/// The control block that a resolver's operation has a weak reference to; 0: not known.
std::uint64_t wait_objects::token_of(const asio_operation& operation) const {
  for (auto offset = least_to_token; offset <= most_to_token; offset += 8) {
    const auto block = word(operation.at + offset + 8);
    if (word(operation.at + offset) != 0 || block == 0) continue;
    const auto object = scene_.heap.find(block);
    if (object != heap_map::none && scene_.heap.extent(object).begin == block) return block;
  }
  return 0;
}

void wait_objects::add(const part& searched) {
  if (keys_.find(searched.key) != nullptr) return;
  keys_.insert(searched.key, static_cast<std::uint32_t>(parts_.size()));
  parts_.push_back(searched);
}

void wait_objects::find(const std::vector<asio_operation>& operations) {
  constexpr std::uint64_t descriptor_bits = 0xffff'ffff, all_bits = ~std::uint64_t{0};
  address_map lookups;
  for (const auto& each : operations) {
    const auto kind = each.function->waits_for;
    if (detail::has_descriptor(kind) && each.is_queued) {
      const auto state = state_of(each.queued_at);
      if (state && state->at != 0) add({state->at, state->fd, descriptor_bits, 0});
    } else if (kind == wait_kind::resolve) {
      if (const auto token = token_of(each); token != 0) add({token, 0, all_bits, 0});
      lookups.insert(each.at, 0);
    }
  }
  if (parts_.empty()) return;
  const auto is_in_lookup = [&](std::uint64_t reference) {
    for (auto offset = least_to_token; offset <= most_to_token; offset += 8)
      if (lookups.find(reference - offset) != nullptr) return true;
    return false;
  };
  address_filter may_be_key(parts_.size());
  for (const auto& each : parts_) may_be_key.add(each.key);
  each_word(scene_.image, [&](std::uint64_t address, std::uint64_t next, const unsigned char*) {
    if (!may_be_key(next)) return;
    const auto* found = keys_.find(next);
    if (found == nullptr) return;
    auto& its = parts_[*found];
    const auto object = address - 8;
    if (its.object != 0 || (word(object) & its.mask) != its.before) return;
    if (!is_in_lookup(object) && !scene_.is_over(address)) its.object = object;
  });
}

std::uint64_t wait_objects::object_of(std::uint64_t key) const {
  const auto* found = key == 0 ? nullptr : keys_.find(key);
  return found == nullptr ? 0 : parts_[*found].object;
}

void wait_objects::describe_descriptor(const asio_operation& operation, found_wait& to) const {
  if (const auto state = state_of(operation.queued_at)) {
    to.fd = state->fd;
    to.object = object_of(state->at);
  } else if (to.kind != wait_kind::socket_wait) {
    const auto fd = static_cast<std::uint32_t>(word(operation.at + to_descriptor_of_operation));
    if (fd < most_descriptors) to.fd = fd;
  }
  if (to.kind == wait_kind::socket_wait && to.fd && asks_ && !asks_(*to.fd).value_or(true))
    to.kind = wait_kind::descriptor_wait;
}

/// A service is {vtable, its type, context, next}, and its context leads to {mutex, context, first service}. 0: it is
/// none.
std::uint64_t wait_objects::context_of(std::uint64_t service) const {
  // A context begins {registry} or, since Asio 1.32, {allocator, registry}.
  constexpr std::array<std::uint64_t, 2> to_registry = {0, 8};
  constexpr std::uint64_t to_context = 24, registry_owner = 8 + sizeof(pthread_mutex_t);
  const auto context = service % 8 == 0 ? word(service + to_context) : 0;
  if (context == 0 || context % 8 != 0) return 0;
  for (const auto offset : to_registry) {
    const auto registry = word(context + offset);
    if (registry != 0 && registry % 8 == 0 && word(registry + registry_owner) == context) return context;
  }
  return 0;
}

std::uint64_t wait_objects::executor_of(std::uint64_t queue) const {
  // A strand is {mutex, flags, waiting queue, ready queue, next, previous, service}; since Asio 1.38 its mutex lies in
  // the word of the flags.
  constexpr std::uint64_t to_waiting = 16, to_ready = 32, to_service = 64, no_mutex = 8;
  for (const auto to_queue : {to_waiting, to_ready}) {
    if (context_of(word(queue - to_queue + to_service)) == 0) continue;
    const auto strand = queue - to_queue;
    return scene_.image.area_of(word(strand)) != nullptr ? strand : strand + no_mutex;
  }
  // A scheduler is a service with a queue.
  constexpr std::uint64_t least_to_queue_of_scheduler = 64, most_to_queue_of_scheduler = 400;
  for (auto back = least_to_queue_of_scheduler; back <= most_to_queue_of_scheduler; back += 8)
    if (const auto context = context_of(queue - back); context != 0) return context;
  return 0;
}

found_wait wait_objects::describe(const asio_operation& operation) const {
  found_wait wait;
  wait.kind = operation.function->waits_for;
  wait.operation = operation.at;
  const auto queue = operation.queued_at;
  if (detail::has_descriptor(wait.kind)) {
    describe_descriptor(operation, wait);
  } else if (wait.kind == wait_kind::resolve) {
    wait.object = object_of(token_of(operation));
  } else if (queue != 0 && is_on_channel(wait.kind)) {
    wait.object = queue - to_own_queue;
    wait.capacity = word(queue - capacity_before_queue);
  } else if (queue != 0 && wait.kind == wait_kind::timer) {
    wait.object = queue - to_own_queue;
    wait.expiry = static_cast<std::int64_t>(word(wait.object));
    wait.is_system_clock = *wait.expiry > least_system_time && *wait.expiry != std::numeric_limits<std::int64_t>::max();
  } else if (queue != 0 && wait.kind == wait_kind::signal) {
    wait.object = queue;
  } else if (queue != 0 && wait.kind == wait_kind::post) {
    wait.object = executor_of(queue);
  }
  return wait;
}

}  // namespace tasks::cli
