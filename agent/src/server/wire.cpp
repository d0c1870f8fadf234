#include "server/wire.hpp"

#include <time.h>

#include <iterator>

#include "length_prefix.hpp"
#include "readers/self_memory.hpp"
#include "server/message_writer.hpp"
#include "utf8.hpp"

// Field numbers are those of proto/tasks/v1/agent.proto; tests/agent holds the two against each other. Fields that
// have their default value are left out, as proto3 has it.
namespace tasks::wire {
namespace {

enum response_part : std::uint32_t { part_hello = 1, part_error, part_vitals, part_chunk, part_trailer };

/// A Response with one message in it, and its length in front.
std::string delimited(response_part part, const std::string& message) {
  std::string head;
  std::string response;
  message_writer{response}.add_bytes(part, message);
  tasks::detail::append_length_prefix(head, response.size());
  return head + response;
}

void add_nonzero(message_writer& to, std::uint32_t field, std::uint64_t value) {
  if (value != 0) to.add_uint64(field, value);
}

void add_nonempty(message_writer& to, std::uint32_t field, const std::string& value) {
  if (!value.empty()) to.add_bytes(field, value);
}

std::int64_t clock_ns(clockid_t clock) noexcept {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

void add_wait(message_writer& to, std::uint32_t field, layout::wait_kind kind, const detail::wait_copy& from) {
  using layout::detail_kind;
  message_writer wait{to, field};
  add_nonzero(wait, 1, static_cast<std::uint64_t>(kind));
  if (from.wait == 0) return;
  add_nonzero(wait, 2, from.object);
  if (const auto fd = layout::descriptor_of(from.wait); fd != layout::no_descriptor) wait.add_uint64(3, fd);
  const auto detail = layout::detail_of(from.wait);
  if (detail == detail_kind::none) return;
  if (detail == detail_kind::capacity || detail == detail_kind::capacity_and_timeout) {
    wait.add_uint64(4, from.detail);
    if (detail == detail_kind::capacity_and_timeout) wait.add_bool(7, true);
    return;
  }
  const bool ends_another = detail == detail_kind::timeout;
  if (ends_another) wait.add_bool(7, true);
  const auto expiry = static_cast<std::int64_t>(from.detail);
  if (expiry == INT64_MAX) {
    if (!ends_another) wait.add_bool(6, true);
    return;
  }
  const auto now = clock_ns(detail == detail_kind::system_expiry ? CLOCK_REALTIME : CLOCK_MONOTONIC);
  // The difference of two signed numbers may be out of range; that of their milliseconds is not.
  wait.add_sint64(ends_another ? 8 : 5, expiry / 1'000'000 - now / 1'000'000);
}

void add_durations(message_writer& to, std::uint32_t field, const detail::durations_copy& from) {
  if (from.count == 0) return;
  message_writer durations{to, field};
  add_nonzero(durations, 1, from.count);
  add_nonzero(durations, 2, from.total);
  add_nonzero(durations, 3, from.longest);
  auto end = from.buckets.end();
  while (end != from.buckets.begin() && *(end - 1) == 0) --end;
  durations.add_packed(4, from.buckets.begin(), end);
}

void add_times(message_writer& to, std::uint32_t field, const detail::task_times& from) {
  if (from.runs.count == 0 && from.delays.count == 0 && from.running == 0) return;
  message_writer times{to, field};
  add_durations(times, 1, from.runs);
  add_durations(times, 2, from.delays);
  add_nonzero(times, 3, from.running);
}

}  // namespace

std::string encode(const hello& message) {
  std::string text;
  message_writer to{text};
  to.add_uint64(1, protocol_version);
  to.add_uint64(2, message.pid);
  add_nonzero(to, 3, message.start_time);
  to.add_fixed64(4, message.instance);
  to.add_uint64(5, layout::version);
  return delimited(part_hello, text);
}

std::string encode(error_code code, std::string_view message) {
  std::string text;
  message_writer to{text};
  to.add_uint64(1, static_cast<std::uint64_t>(code));
  to.add_bytes(2, message);
  return delimited(part_error, text);
}

std::string encode(const vitals& message) {
  std::string text;
  message_writer to{text};
  const auto& counts = message.counts;
  const auto& process = message.process;
  const std::uint64_t fields[] = {counts.tasks,
                                  counts.running,
                                  counts.blocked,
                                  counts.ready,
                                  process.os_threads,
                                  process.workers,
                                  process.cpus.count,
                                  process.cpus.in_affinity_mask,
                                  process.cpus.quota_millis,
                                  process.rss_bytes,
                                  process.cpu_time_ms,
                                  process.uptime_ms,
                                  counts.on_channels,
                                  message.all_on_channels,
                                  message.tick_resolution_ms,
                                  message.lost,
                                  message.ended,
                                  message.failed,
                                  message.cancelled};
  for (std::uint32_t i = 0; i < std::size(fields); ++i) add_nonzero(to, i + 1, fields[i]);
  return delimited(part_vitals, text);
}

std::string encode(const trailer& message) {
  std::string text;
  message_writer to{text};
  const std::uint64_t fields[] = {message.shown,           message.total,   message.complete,          message.torn,
                                  message.groups_left_out, message.matched, message.tick_resolution_ms};
  for (std::uint32_t i = 0; i < std::size(fields); ++i) add_nonzero(to, i + 1, fields[i]);
  if (message.timing && message.timing->on) {
    const auto& timing = *message.timing;
    message_writer state{to, 8};
    const std::uint64_t parts[] = {timing.on, timing.on_for_ns, timing.left_out, timing.ended_left_out, timing.counter};
    for (std::uint32_t i = 0; i < std::size(parts); ++i) add_nonzero(state, i + 1, parts[i]);
  }
  return delimited(part_trailer, text);
}

void chunk_writer::number(std::span<const std::uint64_t> frames) {
  numbers_.clear();
  for (auto at = frames.rbegin(); at != frames.rend(); ++at) numbers_.push_back(number(*at));
}

std::uint32_t chunk_writer::number(std::uint64_t where) {
  constexpr std::size_t most_unread = 32;
  const auto [id, first_time] = locations_.find(where);
  if (first_time) {
    if (unread_.size() == most_unread) add_unread();
    unread_.push_back(where);
    unread_ids_.push_back(id);
  }
  return id;
}

/// Many at once: each would take several system calls by itself.
void chunk_writer::add_unread() {
  const auto found = detail::read_locations(unread_);
  for (std::size_t i = 0; i < found.size(); ++i) {
    message_writer chunk{chunk_};
    message_writer to{chunk, 1};
    to.add_uint64(1, unread_ids_[i]);
    add_nonempty(to, 2, found[i].function);
    add_nonempty(to, 3, found[i].file);
    add_nonzero(to, 4, found[i].line);
    add_nonzero(to, 5, found[i].address);
  }
  unread_.clear();
  unread_ids_.clear();
}

std::uint32_t chunk_writer::number_path(std::uint64_t path) {
  const auto [id, first_time] = locations_.find(path);
  if (first_time) {
    const auto calls = detail::read_own_call_path(path);
    message_writer chunk{chunk_};
    message_writer to{chunk, 1};
    to.add_uint64(1, id);
    to.add_packed(6, calls.begin(), calls.end());
  }
  return id;
}

void chunk_writer::add(const detail::task_copy& task, std::uint64_t now, detail::slab_map& slabs,
                       const detail::task_times* times) {
  number({task.where.data(), task.depth});
  const auto spawned_after = tells_sites_ ? number(task.spawn_where) : 0;
  const auto spawn_outer = tells_sites_ ? number(task.spawn_outer) : 0;
  const auto spawn_path = tells_sites_ ? number_path(task.spawn_path) : 0;
  annotations_.clear();
  if (task.annotations != 0) copy_annotations(task, slabs, annotations_);
  message_writer chunk{chunk_};
  message_writer to{chunk, 2};
  const auto state = detail::state_of(task.word);
  to.add_uint64(1, task.id);
  add_nonzero(to, 2, task.parent);
  to.add_uint64(3, static_cast<std::uint64_t>(state));
  if (state == detail::task_state::blocked) add_wait(to, 4, kind_of(task), {task.wait, task.object, task.detail});
  add_nonzero(to, 5, age_of(task, now));
  add_nonzero(to, 6, task.resumes);
  add_nonzero(to, 7, task.thread);
  to.add_packed(8, numbers_.begin(), numbers_.end());
  add_nonzero(to, 9, spawn_path);
  for (const auto& text : annotations_) {
    std::string key = text.key.data();
    std::string value = text.value.data();
    detail::make_utf8(key);
    detail::make_utf8(value);
    if (key.empty()) {
      to.add_bytes(10, value);
      continue;
    }
    message_writer label{to, 11};
    label.add_bytes(1, key);
    label.add_bytes(2, value);
  }
  if ((task.flags & layout::awaited) != 0) to.add_bool(12, true);
  to.add_uint64(13, task.version());
  if (task.truncated) to.add_bool(14, true);
  add_nonzero(to, 15, spawned_after);
  add_nonzero(to, 17, spawn_outer);
  for (std::size_t i = 1; i < task.group.count; ++i) {
    const auto& wait = task.group.pending[i];
    add_wait(to, 18, layout::kind_of(wait.wait), wait);
  }
  add_nonzero(to, 19, task.group.members);
  add_nonzero(to, 20, task.group.ended);
  add_nonzero(to, 21, task.group.tasks);
  if (times != nullptr) add_times(to, 23, *times);
}

void chunk_writer::add(const detail::stack_group& group, std::span<const std::uint64_t> frames,
                       const detail::task_times* times) {
  number(frames);
  const auto spawned_after = tells_sites_ ? number(group.spawn_where) : 0;
  const auto spawn_outer = tells_sites_ ? number(group.spawn_outer) : 0;
  const auto spawn_path = tells_sites_ ? number_path(group.spawn_path) : 0;
  message_writer chunk{chunk_};
  message_writer to{chunk, 3};
  to.add_uint64(1, group.count);
  to.add_uint64(2, static_cast<std::uint64_t>(group.state));
  if (group.state == detail::task_state::blocked) {
    message_writer wait{to, 3};
    add_nonzero(wait, 1, static_cast<std::uint64_t>(group.kind));
    if (group.same_capacity) wait.add_uint64(4, group.capacity);
  }
  to.add_packed(4, numbers_.begin(), numbers_.end());
  add_nonzero(to, 5, group.ages[0]);
  to.add_packed(6, group.ids.begin(), group.ids.begin() + static_cast<std::ptrdiff_t>(group.id_count));
  add_nonzero(to, 7, spawn_path);
  add_nonzero(to, 8, spawned_after);
  add_nonzero(to, 9, spawn_outer);
  if (times != nullptr) add_times(to, 11, *times);
}

void chunk_writer::add(const detail::ended_times& ended) {
  const auto location = number(ended.where);
  const auto spawn_path = number_path(ended.spawn_path);
  message_writer chunk{chunk_};
  message_writer to{chunk, 5};
  to.add_uint64(1, ended.tasks);
  add_nonzero(to, 2, location);
  add_nonzero(to, 3, spawn_path);
  add_times(to, 4, ended.times);
}

void chunk_writer::add(const detail::failure_copy& failure, std::uint64_t now) {
  const auto location = number(failure.where);
  const auto spawn_path = number_path(failure.spawn_path);
  const auto spawned_after = number(failure.spawn_where);
  const auto spawn_outer = number(failure.spawn_outer);
  message_writer chunk{chunk_};
  message_writer to{chunk, 4};
  to.add_uint64(1, failure.id);
  add_nonzero(to, 2, location);
  add_nonzero(to, 3, spawn_path);
  add_nonzero(to, 4, spawned_after);
  add_nonzero(to, 5, spawn_outer);
  add_nonempty(to, 6, failure.type);
  add_nonempty(to, 7, failure.message);
  add_nonzero(to, 8, now > failure.when ? now - failure.when : 0);
}

const std::string& chunk_writer::take() {
  add_unread();
  response_ = delimited(part_chunk, chunk_);
  chunk_.clear();
  return response_;
}

}  // namespace tasks::wire
