#include "proof/asio_queues.hpp"

#include <algorithm>
#include <cstring>
#include <unordered_map>

namespace tasks::cli {
namespace {

/// A service's own members lie behind {vtable, type, id, owner, next}.
constexpr std::uint64_t behind_service = 40;
constexpr std::size_t words_of_service = 64, words_of_signals = 256;
constexpr std::size_t most_listed = 10'000'000;
/// Whatever has a service is {service, implementation}, as timers and channels are.
constexpr std::uint64_t service_before = 8;
/// Of a timer's implementation {expiry, may it have waits?, queue, place in the heap, next, previous}, from the queue.
constexpr std::uint64_t expiry_before = 16, next_timer = 24, previous_timer = 32;
/// Of a channel's {states, capacity, queue, next, previous}.
constexpr std::uint64_t to_waiters = 16, next_channel = 32, previous_channel = 40;
/// A reactor's record is {next operation, function, events, next, previous, mutex, reactor, descriptor, …}.
constexpr std::uint64_t to_completion = 8, next_descriptor = 24, previous_descriptor = 32;
constexpr std::uint64_t nearest_reactor = 40, farthest_reactor = 160, behind_reactor = 16, queue_size = 16;
constexpr std::uint32_t most_descriptors = 1U << 30;
/// A signal's registration is {number, queue, undelivered, next in the table, previous, next in the set}.
constexpr std::uint64_t to_signal_queue = 8, previous_registration = 32, next_registration = 24;
constexpr int most_signals = 128;

/// Words that may be a vtable: they lie in a file that is mapped, and are no code.
std::vector<range> tables_in(const memory& from) {
  std::vector<range> found;
  for (const auto& region : from.regions())
    if (region.path.starts_with('/') && !region.executable) found.push_back({region.begin, region.end});
  unite(found);
  return found;
}

bool is_of_signals(std::string_view type) { return type.find("6detail18signal_set_serviceE") != type.npos; }

bool lies_in(const std::vector<range>& ranges, std::uint64_t address) {
  const auto next = std::upper_bound(ranges.begin(), ranges.end(), address,
                                     [](std::uint64_t at, const range& each) { return at < each.begin; });
  return next != ranges.begin() && address < std::prev(next)->end;
}

}  // namespace

void asio_queues::find(const std::vector<thread_registers>& threads) {
  find_contexts();
  for (std::size_t i = 0; i < contexts_.size(); ++i) {
    add_services(i);
    add_lookups(i, threads);
    add_strands(i);
    add_handlers(i);
  }
}

bool asio_queues::anything_pends(std::uint64_t scheduler, const std::vector<thread_registers>& threads) {
  for (const auto service : schedulers_.services_beside(scheduler)) {
    const auto& type = schedulers_.type_of(service);
    // What waits for descriptors in another way is in queues that are not known.
    if (type.empty() || type.find("6detail16io_uring_serviceE") != type.npos ||
        type.find("6detail14select_reactorE") != type.npos)
      return true;
  }
  only_one_ = true;
  operations_.clear();
  contexts_ = {{.address = schedulers_.context_of(scheduler), .scheduler = scheduler, .state = {}}};
  contexts_[0].state = schedulers_.look(scheduler);
  if (!contexts_[0].state || !contexts_[0].state->queued.empty()) return true;
  add_services(0);
  if (operations_.empty()) add_lookups(0, threads);
  if (operations_.empty()) add_strands(0);
  return !operations_.empty() || contexts_[0].strands != 0;
}

std::vector<std::uint64_t> asio_queues::words(std::uint64_t begin, std::size_t count) const {
  std::vector<std::uint64_t> read(count);
  read.resize(bytes_.read(begin, read.data(), count * sizeof(std::uint64_t)) / sizeof(std::uint64_t));
  return read;
}

void asio_queues::find_contexts() {
  const auto tables = tables_in(bytes_);
  if (tables.empty()) return;
  const auto low = tables.front().begin, high = tables.back().end;
  std::unordered_map<std::uint64_t, bool> is_schedulers;  // by vtable
  for (const auto& run : image_->runs()) {
    const auto* area = image_->area_of(run.begin);
    const auto* copied = image_->at(run.begin, run.end - run.begin);
    if (area == nullptr || !area->writable || copied == nullptr) continue;
    for (auto at = run.begin; at + sizeof(std::uint64_t) <= run.end; at += sizeof(std::uint64_t)) {
      std::uint64_t vtable;
      std::memcpy(&vtable, copied + (at - run.begin), sizeof vtable);
      // Nearly all addresses are of the heap, which may lie between: there are few of tables to remember.
      if (vtable < low || vtable >= high || vtable % 8 != 0 || !lies_in(tables, vtable)) continue;
      const auto [known, is_new] = is_schedulers.try_emplace(vtable);
      if (is_new) known->second = schedulers_.is_scheduler(at);
      if (!known->second) continue;
      // One that its context knows: not a freed one, nor a resolver's own.
      const auto context = schedulers_.context_of(at);
      if (context == 0 || schedulers_.of_context(context) != at) continue;
      contexts_.push_back({.address = context, .scheduler = at, .state = schedulers_.look(at)});
    }
  }
}

void asio_queues::add_services(std::size_t context) {
  const auto services = schedulers_.services_beside(contexts_[context].scheduler);
  // Each leads to the reactor's record of the pipe by which Asio hears of signals: nobody waits for that.
  for (const auto service : services)
    if (is_of_signals(schedulers_.type_of(service)))
      for (const auto each : schedulers_.block_at(service)) pipes_.insert(each);
  for (const auto service : services) {
    if (is_enough()) return;
    const std::string type = schedulers_.type_of(service);
    if (type.find("22deadline_timer_serviceI") != type.npos) add_timers(service, type, context);
    if (type.find("6detail13epoll_reactorE") != type.npos) add_descriptors(service, context);
    if (is_of_signals(type)) add_signals(service, context);
    if (type.find("6detail15channel_serviceI") != type.npos && !only_one_) add_channels(service, context);
  }
}

/// {first, last} at an address. False: that is no queue.
bool asio_queues::add_queue(std::uint64_t queue_at, queued_operation like) {
  std::vector<std::uint64_t> found;
  if (!schedulers_.operations(word(queue_at), word(queue_at + 8), found)) return false;
  for (const auto each : found) {
    like.address = each;
    like.function = word(each + to_completion);
    if (each % 8 == 0 && schedulers_.is_code(like.function) && seen_.insert(each).second) operations_.push_back(like);
  }
  return true;
}

void asio_queues::add_timers(std::uint64_t service, std::string_view type, std::size_t context) {
  const auto belongs = [&](std::uint64_t timer) {
    return timer % 8 == 0 && timer > page_size && word(timer - expiry_before - service_before) == service;
  };
  std::uint64_t first = 0;
  for (const auto each : words(service + behind_service, words_of_service))
    if (first == 0 && belongs(each) && word(each + previous_timer) == 0) first = each;
  queued_operation like{.in = queue::timer, .context = context};
  // Of the standard's clocks, which count nanoseconds; others are not known.
  like.is_system_clock = type.find("12system_clock") != type.npos;
  const bool is_known = like.is_system_clock || type.find("12steady_clock") != type.npos;
  std::size_t count = 0;
  for (auto timer = first; timer != 0 && count < most_listed && !is_enough(); ++count) {
    like.object = timer - expiry_before;
    if (is_known) like.expiry = static_cast<std::int64_t>(word(like.object));
    static_cast<void>(add_queue(timer, like));
    const auto next = word(timer + next_timer);
    if (next != 0 && (!belongs(next) || word(next + previous_timer) != timer)) break;
    timer = next;
  }
}

void asio_queues::add_descriptors(std::uint64_t service, std::size_t context) {
  const auto reactor_in = [&](std::uint64_t record) -> std::uint64_t {
    if (record % 8 != 0 || record < page_size || !schedulers_.is_code(word(record + to_completion))) return 0;
    for (auto at = nearest_reactor; at <= farthest_reactor; at += 8)
      if (word(record + at) == service) return at;
    return 0;
  };
  // Records in use, and others that are kept, which have nothing to do.
  for (const auto first : words(service + behind_service, words_of_service)) {
    const auto to_reactor = reactor_in(first);
    if (to_reactor == 0 || word(first + previous_descriptor) != 0 || descriptors_.contains(first)) continue;
    std::size_t count = 0;
    for (auto record = first; record != 0 && count < most_listed && !is_enough(); ++count) {
      descriptors_.insert(record);
      const auto fd = static_cast<std::uint32_t>(word(record + to_reactor + 8));
      queued_operation like{.context = context};
      if (fd < most_descriptors) like.fd = fd;
      auto queue_at = record + to_reactor + behind_reactor;
      for (const auto kind : {queue::read, queue::write, queue::exception}) {
        like.in = kind;
        if (!pipes_.contains(record)) static_cast<void>(add_queue(queue_at, like));
        queue_at += queue_size;
      }
      const auto next = word(record + next_descriptor);
      const bool leads_back = next != 0 && word(next + previous_descriptor) == record;
      if (!leads_back || reactor_in(next) != to_reactor || descriptors_.contains(next)) break;
      record = next;
    }
  }
}

void asio_queues::add_signals(std::uint64_t service, std::size_t context) {
  // The table's beginning is where a signal's number, as its first registration tells it, leads back to.
  const auto inside = words(service + behind_service, words_of_signals);
  const auto number_of = [&](std::uint64_t registration) {
    const auto number = static_cast<std::uint32_t>(word(registration));
    return number > 0 && number < most_signals ? static_cast<int>(number) : 0;
  };
  struct signal_set {
    std::uint64_t queue_at;
    std::vector<int> signals;
  };
  std::unordered_map<std::uint64_t, std::vector<signal_set>> by_table;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    const auto first = inside[i];
    if (first % 8 != 0 || first < page_size || !schedulers_.is_writable(first)) continue;
    const auto number = number_of(first);
    if (number == 0 || static_cast<std::size_t>(number) > i || word(first + previous_registration) != 0) continue;
    auto& sets = by_table[i - static_cast<std::size_t>(number)];
    std::uint64_t previous = 0;
    std::size_t count = 0;
    for (auto at = first; at != 0 && count < most_listed; previous = at, at = word(at + next_registration), ++count) {
      if (number_of(at) != number || word(at + previous_registration) != previous) break;
      const auto queue_at = word(at + to_signal_queue);
      if (!schedulers_.is_writable(queue_at)) break;
      const auto known = std::find_if(sets.begin(), sets.end(), [&](const auto& s) { return s.queue_at == queue_at; });
      if (known == sets.end())
        sets.push_back({queue_at, {number}});
      else
        known->signals.push_back(number);
    }
  }
  const auto most = std::max_element(by_table.begin(), by_table.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second.size(), b.first) < std::pair(b.second.size(), a.first);
  });
  if (most == by_table.end()) return;
  for (auto& set : most->second) {
    std::sort(set.signals.begin(), set.signals.end());
    static_cast<void>(add_queue(
        set.queue_at,
        {.in = queue::signal, .context = context, .object = set.queue_at, .signals = std::move(set.signals)}));
  }
}

void asio_queues::add_channels(std::uint64_t service, std::size_t context) {
  constexpr std::uint64_t most_state = 3, waits = 1;
  const auto belongs = [&](std::uint64_t channel) {
    return channel % 8 == 0 && channel > page_size && word(channel - service_before) == service &&
           (word(channel) & 0xffff) <= most_state && (word(channel) >> 16 & 0xffff) <= most_state;
  };
  std::uint64_t first = 0;
  for (const auto each : words(service + behind_service, words_of_service))
    if (first == 0 && belongs(each) && word(each + previous_channel) == 0) first = each;
  std::size_t count = 0;
  for (auto channel = first; channel != 0 && count < most_listed; ++count) {
    // Who would receive finds a sender waiting.
    const bool sends = (word(channel) & 0xffff) == waits;
    static_cast<void>(
        add_queue(channel + to_waiters, {.in = queue::channel, .context = context, .object = channel, .sends = sends}));
    const auto next = word(channel + next_channel);
    if (next != 0 && (!belongs(next) || word(next + previous_channel) != channel)) break;
    channel = next;
  }
}

void asio_queues::add_lookups(std::size_t context, const std::vector<thread_registers>& threads) {
  asio_resolvers resolvers(bytes_, schedulers_);
  const auto name_of = [](const lookup_operation& of) {
    if (of.service.empty()) return of.host;
    return of.host + ":" + of.service;
  };
  for (const auto& service : resolvers.beside(contexts_[context].scheduler)) {
    std::unordered_set<std::uint64_t> queued;
    if (const auto state = schedulers_.look(service.scheduler))
      queued.insert(state->queued.begin(), state->queued.end());
    for (const auto& thread : threads)
      for (const auto& each : resolvers.on_stack(thread, service, queued))
        if (seen_.insert(each.address).second)
          operations_.push_back({.address = each.address,
                                 .function = each.function,
                                 .in = queue::resolver,
                                 .context = context,
                                 .name = name_of(each)});
    if (const auto state = schedulers_.look(service.scheduler))
      for (const auto address : state->queued)
        if (const auto its = resolvers.operation_at(address, service); its && seen_.insert(address).second)
          operations_.push_back({.address = address,
                                 .function = its->function,
                                 .in = queue::resolver,
                                 .context = context,
                                 .name = name_of(*its)});
  }
}

void asio_queues::add_strands(std::size_t context) {
  for (const auto& strand : schedulers_.strands_beside(contexts_[context].scheduler)) {
    ++contexts_[context].strands;
    for (const auto each : strand.queued) {
      const auto function = word(each + to_completion);
      if (schedulers_.is_code(function) && seen_.insert(each).second)
        operations_.push_back(
            {.address = each, .function = function, .in = queue::strand, .context = context, .object = strand.address});
    }
  }
}

void asio_queues::add_handlers(std::size_t context) {
  auto& its = contexts_[context];
  if (!its.state) return;
  for (const auto each : its.state->queued) {
    if (descriptors_.contains(each)) {
      ++its.descriptors_ready;
      continue;
    }
    const auto function = word(each + to_completion);
    if (schedulers_.is_code(function) && seen_.insert(each).second)
      operations_.push_back({.address = each, .function = function, .in = queue::scheduler, .context = context});
  }
}

}  // namespace tasks::cli
