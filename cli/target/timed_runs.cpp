#include "target/timed_runs.hpp"

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#  include <x86intrin.h>
#endif

namespace tasks::cli {
namespace {

using layout::timing_record;

constexpr int times_tries = 8;
constexpr int longest_chain = 128;

template <class T>
T value_at(const unsigned char* bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes + offset, sizeof value);
  return value;
}

/// As the target's own: all processes of a machine have the same clocks.
std::uint64_t stamp_now(bool is_counter) {
#if defined(__x86_64__)
  if (is_counter) return __rdtsc();
#elif defined(__aarch64__)
  if (is_counter) {
    std::uint64_t count = 0;
    asm volatile("mrs %0, cntvct_el0" : "=r"(count));
    return count;
  }
#else
  static_cast<void>(is_counter);
#endif
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

std::uint64_t in_nanoseconds(std::uint64_t stamps, std::uint64_t scale) {
  __extension__ using wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<wide>(stamps) * scale) >> 32);
}

}  // namespace

std::optional<timed_runs::clock> timed_runs::find_clock() const {
  using layout::timing_area;
  for (const auto& root : roots_) {
    const auto area = memory_.get<std::uint64_t>(root.address + offsetof(layout::root, timing)).value_or(0);
    if (area == 0) continue;
    const auto word = [&](std::size_t offset) { return memory_.get<std::uint64_t>(area + offset).value_or(0); };
    const clock found{word(offsetof(timing_area, generation)), word(offsetof(timing_area, scale)),
                      word(offsetof(timing_area, is_counter)) != 0};
    if (found.generation != 0 && found.scale != 0) return found;
  }
  return std::nullopt;
}

std::optional<timed_runs::times> timed_runs::times_of(std::uint64_t task, std::uint64_t first) const {
  unsigned char bytes[layout::record_size];
  for (int links = 0, tries = 0; first != 0 && links < longest_chain && tries < times_tries;) {
    if (memory_.read(first, bytes, sizeof bytes) != sizeof bytes) return std::nullopt;
    const auto word = value_at<std::uint64_t>(bytes, offsetof(timing_record, word));
    if (value_at<std::uint64_t>(bytes, offsetof(timing_record, owner_id)) != task) return std::nullopt;
    if (layout::state_of(word) != layout::record_state::timing) {
      first = value_at<std::uint64_t>(bytes, offsetof(timing_record, next));
      ++links;
      continue;
    }
    ++tries;
    if ((word & layout::one_version) != 0 || memory_.get<std::uint64_t>(first) != word) continue;
    constexpr auto runs = offsetof(timing_record, runs);
    return times{value_at<std::uint64_t>(bytes, offsetof(timing_record, generation)),
                 value_at<std::uint64_t>(bytes, offsetof(timing_record, resumed)),
                 value_at<std::uint64_t>(bytes, runs + offsetof(layout::durations, count)),
                 value_at<std::uint64_t>(bytes, runs + offsetof(layout::durations, total))};
  }
  return std::nullopt;
}

std::optional<timed_run> timed_runs::run_on(std::uint32_t thread, std::uint64_t record, const clock& by) const {
  unsigned char bytes[layout::record_size];
  if (memory_.read(record, bytes, sizeof bytes) != sizeof bytes) return std::nullopt;
  const auto word = value_at<std::uint64_t>(bytes, offsetof(layout::record, word));
  if (layout::state_of(word) != layout::record_state::running) return std::nullopt;
  if (value_at<std::uint32_t>(bytes, offsetof(layout::record, thread)) != thread) return std::nullopt;
  const auto task = value_at<std::uint64_t>(bytes, offsetof(layout::record, id));
  const auto found = times_of(task, value_at<std::uint64_t>(bytes, offsetof(layout::record, annotations)));
  if (!found || found->generation != by.generation || found->resumed == 0) return std::nullopt;
  const auto now = stamp_now(by.is_counter);
  return timed_run{.thread = thread,
                   .record = record,
                   .task = task,
                   .resumed = found->resumed,
                   .ns = now > found->resumed ? in_nanoseconds(now - found->resumed, by.scale) : 0,
                   .before = found->count,
                   .before_ns = found->total_ns};
}

std::optional<std::vector<timed_run>> timed_runs::look() {
  const auto by = find_clock();
  if (!by) return std::nullopt;
  std::vector<timed_run> found;
  for (const auto& root : roots_) {
    const auto home = memory_.get<std::uint64_t>(root.address + offsetof(layout::root, records)).value_or(0);
    if (home == 0) continue;
    const auto used = memory_.get<std::uint64_t>(home + offsetof(layout::registry, threads)).value_or(0);
    slots_.resize(std::min<std::uint64_t>(used, layout::max_threads) * sizeof(layout::thread_slot));
    const auto got = memory_.read(home + offsetof(layout::registry, slots), slots_.data(), slots_.size());
    for (std::size_t at = 0; at + sizeof(layout::thread_slot) <= got; at += sizeof(layout::thread_slot)) {
      const auto* slot = slots_.data() + at;
      const auto record = value_at<std::uint64_t>(slot, offsetof(layout::thread_slot, runs));
      if (record == 0) continue;
      auto run = run_on(value_at<std::uint32_t>(slot, offsetof(layout::thread_slot, tid)), record, *by);
      if (run) found.push_back(*run);
    }
  }
  return found;
}

std::optional<std::uint64_t> timed_runs::length_of(const timed_run& run) const {
  const auto first = memory_.get<std::uint64_t>(run.record + offsetof(layout::record, annotations)).value_or(0);
  const auto now = times_of(run.task, first);
  if (!now || now->resumed == run.resumed || now->count != run.before + 1 || now->total_ns < run.before_ns)
    return std::nullopt;
  return now->total_ns - run.before_ns;
}

}  // namespace tasks::cli
