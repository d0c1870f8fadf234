#pragma once

/// Ages and expiries as recordings have them: as times, which stay while a task does, so that a snapshot which is like
/// the last one adds little to a file. Numbers wrap around, so that what is read is what was written.

#include <cstdint>

#include "tasks/v1/agent.pb.h"
#include "tasks/v1/recording.pb.h"

namespace tasks::cli {

/// Its own inverse; 0, an age of nothing, is 0.
[[nodiscard]] constexpr std::uint64_t age_and_time(std::uint64_t either, const v1::RecordedFacts& bases) {
  return either == 0 ? 0 : bases.age_base_ms() - either;
}

[[nodiscard]] inline std::int64_t expiry_to_time(std::int64_t ms, const v1::RecordedFacts& bases) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(ms) + static_cast<std::uint64_t>(bases.expiry_base_ms()));
}
[[nodiscard]] inline std::int64_t expiry_of_time(std::int64_t ms, const v1::RecordedFacts& bases) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(ms) - static_cast<std::uint64_t>(bases.expiry_base_ms()));
}

template <class Convert>
void convert_expiries(v1::Wait& wait, Convert convert) {
  if (wait.has_expires_in_ms()) wait.set_expires_in_ms(convert(wait.expires_in_ms()));
  if (wait.has_times_out_in_ms()) wait.set_times_out_in_ms(convert(wait.times_out_in_ms()));
}

template <class Convert>
void convert_expiries(v1::Task& task, Convert convert) {
  if (task.has_wait()) convert_expiries(*task.mutable_wait(), convert);
  for (auto& wait : *task.mutable_also()) convert_expiries(wait, convert);
}

}  // namespace tasks::cli
