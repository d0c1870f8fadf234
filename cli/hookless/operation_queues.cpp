#include "hookless/operation_queues.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace tasks::cli {

operation_queues::operation_queues(const wait_scene& scene, const wait_objects& objects,
                                   std::vector<asio_operation>& operations)
    : scene_(scene), objects_(objects), operations_(operations), previous_(operations.size(), asio_operation::nobody) {}

void operation_queues::run() {
  if (operations_.empty()) return;
  by_address_.reserve(operations_.size());
  for (std::uint32_t i = 0; i < operations_.size(); ++i)
    if (by_address_.find(operations_[i].at) == nullptr) by_address_.insert(operations_[i].at, i);
  find();
  drop_what_is_none();
  pass_on();
}

void operation_queues::find() {
  address_filter may_be_operation(operations_.size());
  for (const auto& each : operations_) may_be_operation.add(each.at);
  // Memory may be full of words that lead to one operation: there are no more in a queue, and few beside it.
  const auto most_leads = std::max<std::size_t>(16 * operations_.size(), 4'000'000);
  using lead = std::pair<std::uint64_t, std::uint32_t>;
  const auto leads =
      find_words<lead>(scene_.image, 4 * operations_.size(),
                       [&](std::uint64_t address, std::uint64_t word, const unsigned char*, std::vector<lead>& found) {
                         if (!may_be_operation(word) || found.size() == most_leads) return;
                         if (const auto* to = by_address_.find(word)) found.emplace_back(address, *to);
                       });
  for (const auto& [address, to] : leads) {
    if (const auto* before = by_address_.find(address))
      previous_[to] = *before;
    else
      take_lead(address, scene_.image.word(address + sizeof(std::uint64_t)), operations_[to]);
  }
}

/// A word that leads to an operation, and the one behind it.
void operation_queues::take_lead(std::uint64_t address, std::uint64_t next, asio_operation& to) const {
  if (scene_.is_over(address)) return;
  if (next != to.at && by_address_.find(next) == nullptr) {
    // In a queue of others' operations: it may be one of those, {next, function}.
    if (scene_.code.operation_at(next) != nullptr) to.is_queued = true;
    return;
  }
  // Copies of queues linger, on stacks above all.
  const bool is_better = to.queued_at == 0 ||
                         (objects_.may_be_queue(*to.function, address) &&
                          (!objects_.may_be_queue(*to.function, to.queued_at) || scene_.stacks.is_stack(to.queued_at)));
  if (is_better) to.queued_at = address;
  to.is_queued = true;
}

/// What an allocator remembers of an operation's memory is no queue; nor is, of an operation that comes after another
/// one, what it seems to be first in: unless nothing else is known.
void operation_queues::drop_what_is_none() {
  for (std::uint32_t i = 0; i < operations_.size(); ++i) {
    auto& each = operations_[i];
    if (each.queued_at == 0) continue;
    const bool may_be = objects_.may_be_queue(*each.function, each.queued_at);
    const bool is_first = previous_[i] == asio_operation::nobody;
    if (may_be && is_first) continue;
    if (may_be) doubtful_.emplace_back(i, each.queued_at);
    each.queued_at = 0;
    each.is_queued = is_first;
  }
}

/// Who comes after one that is queued is queued.
void operation_queues::pass_on() {
  std::vector<bool> is_settled(operations_.size());
  std::vector<std::uint32_t> way;
  for (std::uint32_t i = 0; i < operations_.size(); ++i) {
    way.clear();
    auto at = i;
    while (!operations_[at].is_queued && previous_[at] != asio_operation::nobody && !is_settled[at]) {
      is_settled[at] = true;
      way.push_back(at);
      at = previous_[at];
    }
    if (!operations_[at].is_queued) continue;
    for (const auto each : way) {
      operations_[each].is_queued = true;
      operations_[each].queued_at = operations_[at].queued_at;
    }
  }
  for (const auto& [i, queue] : doubtful_) {
    if (operations_[i].is_queued) continue;
    operations_[i].is_queued = true;
    operations_[i].queued_at = queue;
  }
  // Several tasks may be kept by one operation.
  for (auto& each : operations_) {
    const auto& first = operations_[*by_address_.find(each.at)];
    each.is_queued = first.is_queued;
    each.queued_at = first.queued_at;
  }
}

}  // namespace tasks::cli
