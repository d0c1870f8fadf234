#pragma once

/// How long tasks run between two waits, and how long they are ready before: on request, while a reader asks for it.
///
///   spawned, about to wait ──> waiting ──┐                ┌──> delays
///   resumed ──────────────> resumed ─────┴─ stamps, ns ───┴──> runs      of the task; when it ends, of its function
///
/// Hooks get here where they find the tick to be 0, so that they do not know of it at rest.

#include <time.h>

#include <bit>
#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
#  include <x86intrin.h>
#endif

#include "tasks/detail/writer.hpp"

namespace tasks::detail {

/// Where tasks of this process are timed; null: they are not.
[[nodiscard]] inline layout::timing_area* current_area() noexcept {
  const auto* home = this_root.records.load(std::memory_order_relaxed);
  return home != nullptr ? home->timing.load(std::memory_order_seq_cst) : nullptr;
}
[[nodiscard]] inline bool is_timed() noexcept { return current_area() != nullptr; }

/// A task was spawned on the calling thread. Its word has been stored.
void note_spawned(record& r) noexcept;
/// A task has ended, and these are its times.
void note_ended(const record& r, layout::timing_record& times) noexcept;

/// Can stamps be the processor's counter, which runs at one rate at all times? x86-64's time-stamp counter, aarch64's
/// virtual count, which Linux lets programs read (Arm ARM, D12.1.2: one rate, and the same on all processors).
[[nodiscard]] bool counter_is_steady() noexcept;
[[nodiscard]] inline std::uint64_t read_counter() noexcept {
#if defined(__x86_64__)
  return __rdtsc();
#elif defined(__aarch64__)
  std::uint64_t count = 0;
  asm volatile("mrs %0, cntvct_el0" : "=r"(count));
  return count;
#else
  return 0;
#endif
}

[[nodiscard, gnu::noinline]] inline std::uint64_t monotonic_ns() noexcept {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

/// Stamps of an area's clock, and how many nanoseconds a number of them is.
[[nodiscard]] inline std::uint64_t read_stamp(const layout::timing_area& area) noexcept {
  return load(area.is_counter) != 0 ? read_counter() : monotonic_ns();
}
[[nodiscard]] inline std::uint64_t stamp_ns(const layout::timing_area& area, std::uint64_t stamps) noexcept {
  __extension__ using wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<wide>(stamps) * load(area.scale)) >> 32);
}

/// The bucket of a histogram that a duration belongs to.
[[nodiscard]] inline std::size_t timing_bucket(std::uint64_t ns) noexcept {
  constexpr std::size_t last = layout::timing_buckets - 1;
  const auto bucket = static_cast<std::size_t>(std::bit_width(ns >> 10));
  return bucket < last ? bucket : last;
}

}  // namespace tasks::detail
