#pragma once

/// How long tasks run between two waits, and how long they are ready before: on request, while a reader asks for it.
///
///   spawned, about to wait ──> waiting ──┐                ┌──> delays
///   resumed ──────────────> resumed ─────┴─ stamps, ns ───┴──> runs      of the task; when it ends, of its function
///
/// Hooks get here where they find the tick to be 0, so that they do not know of it at rest.

#include <cstdint>

#include "tasks/detail/writer.hpp"

namespace tasks::detail {

/// Are tasks of this process timed now?
[[nodiscard]] inline bool is_timed() noexcept { return this_root.timing.load(std::memory_order_seq_cst) != nullptr; }

/// A task was spawned on the calling thread. Its word has been stored.
void note_spawned(record& r) noexcept;
/// A task has ended, and these are its times.
void note_ended(const record& r, layout::timing_record& times) noexcept;

/// Stamps of an area's clock, and what they mean.
[[nodiscard]] std::uint64_t read_stamp(const layout::timing_area& area) noexcept;
[[nodiscard]] std::uint64_t stamp_ns(const layout::timing_area& area, std::uint64_t stamps) noexcept;

/// Can stamps be the processor's time-stamp counter, which runs at one rate at all times?
[[nodiscard]] bool counter_is_steady() noexcept;
[[nodiscard]] std::uint64_t read_counter() noexcept;

/// Finds the bucket of a histogram.
[[nodiscard]] std::size_t timing_bucket(std::uint64_t ns) noexcept;

}  // namespace tasks::detail
