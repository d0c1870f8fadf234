#include "target/current_task.hpp"

#include <algorithm>
#include <cstring>

#include "tasks/detail/layout.hpp"
#include "tasks/detail/writer.hpp"

namespace tasks::cli {
namespace {

using detail::thread_state;

/// Of the executable and of the libraries that it was started with.
constexpr std::size_t most_storage = std::size_t{64} << 10;

std::uint64_t word_in(const std::vector<unsigned char>& bytes, std::size_t at) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

}  // namespace

current_tasks::current_tasks(const memory& bytes, const std::vector<root_copy>& roots)
    : bytes_(bytes), reader_(bytes, roots) {
  for (const auto& root : roots)
    if (root.layout == layout::version && root.records != 0) registries_.push_back(root.records);
}

bool current_tasks::is_slot_of(std::uint64_t address, std::uint32_t inner_tid) const {
  for (const auto registry : registries_) {
    const auto first = registry + offsetof(layout::registry, slots);
    if (address < first || address >= first + layout::max_threads * sizeof(layout::thread_slot)) continue;
    return (address - first) % sizeof(layout::thread_slot) == 0 &&
           bytes_.get<std::uint32_t>(address + offsetof(layout::thread_slot, tid)) == inner_tid;
  }
  return false;
}

void current_tasks::find_places(std::uint64_t thread_pointer, std::uint32_t inner_tid) {
  const auto wanted = storage_at(thread_pointer, most_storage);
  const bool is_below = wanted.end == thread_pointer;
  // Page by page: there need not be as much.
  auto have = is_below ? range{wanted.end, wanted.end} : range{wanted.begin, wanted.begin};
  storage_.resize(wanted.end - wanted.begin);
  const auto reads = [&](std::uint64_t begin, std::uint64_t end) {
    return bytes_.read(begin, storage_.data() + (begin - wanted.begin), end - begin) == end - begin;
  };
  while (have != wanted) {
    auto next = have;
    if (is_below)
      next.begin = std::max(wanted.begin, (have.begin - 1) / page_size * page_size);
    else
      next.end = std::min(wanted.end, have.end / page_size * page_size + page_size);
    if (!(is_below ? reads(next.begin, have.begin) : reads(have.end, next.end))) break;
    have = next;
  }
  constexpr auto slot_at = offsetof(thread_state, slot), tid_at = offsetof(thread_state, tid);
  for (auto at = have.begin; at + sizeof(thread_state) <= have.end; at += sizeof(std::uint64_t)) {
    const auto within = at - wanted.begin;
    const auto tid = static_cast<std::uint32_t>(word_in(storage_, within + tid_at));
    if (tid != 0 && tid != inner_tid) continue;
    if (is_slot_of(word_in(storage_, within + slot_at), inner_tid)) offsets_.push_back(at - thread_pointer);
  }
}

current_task current_tasks::read(std::uint64_t record, std::uint32_t inner_tid) {
  const auto* task = reader_.read(record);
  // Who ran it last. Another thread may run it by now, or wait in its place.
  if (task == nullptr || bytes_.get<std::uint32_t>(task->record + offsetof(layout::record, thread)) != inner_tid)
    return {};
  switch (layout::state_of(task->word)) {
    case layout::record_state::running:
      return {task, false};
    case layout::record_state::blocked:
    case layout::record_state::blocked_unknown:
      return {task, true};
    default:
      return {};
  }
}

current_task current_tasks::of(const thread_registers& thread, std::uint32_t inner_tid) {
  if (registries_.empty() || thread.thread_pointer == 0) return {};
  if (offsets_.empty()) find_places(thread.thread_pointer, inner_tid);
  for (const auto offset : offsets_) {
    const auto at = thread.thread_pointer + offset + offsetof(thread_state, current);
    const auto found = read(bytes_.get<std::uint64_t>(at).value_or(0), inner_tid);
    if (found.task != nullptr) return found;
  }
  return {};
}

const std::vector<task_mark>& current_tasks::marks_of(std::span<const std::uint64_t> thread_pointers) {
  marks_.assign(thread_pointers.size(), {});
  words_.resize(thread_pointers.size());
  for (const auto offset : offsets_) {
    addresses_.clear();
    for (const auto pointer : thread_pointers) addresses_.push_back(pointer + offset + offsetof(thread_state, current));
    bytes_.read_words(addresses_, words_);
    for (std::size_t i = 0; i < marks_.size(); ++i)
      if (marks_[i].record == 0) marks_[i].record = words_[i];
  }
  addresses_.clear();
  for (const auto& each : marks_)
    if (each.record != 0) addresses_.push_back(each.record + offsetof(layout::record, word));
  bytes_.read_words(addresses_, words_);
  auto word = words_.begin();
  for (auto& each : marks_)
    if (each.record != 0) each.word = *word++;
  return marks_;
}

recent_task current_tasks::of(const thread_copy& then, std::uint64_t thread_pointer, std::uint32_t inner_tid) {
  if (registries_.empty() || thread_pointer == 0) return {};
  if (offsets_.empty()) find_places(thread_pointer, inner_tid);
  for (const auto offset : offsets_) {
    const auto at = thread_pointer + offset + offsetof(thread_state, current);
    const auto copied = word_at(then, at);
    const auto found = read(copied ? *copied : bytes_.get<std::uint64_t>(at).value_or(0), inner_tid);
    if (found.task != nullptr) return {found.task, found.starts, copied.has_value()};
  }
  return {};
}

}  // namespace tasks::cli
