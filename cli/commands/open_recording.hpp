#pragma once

/// Which snapshot of a recording a command looks at.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/quantities.hpp"
#include "sources/recording_file.hpp"
#include "sources/snapshot_source.hpp"

namespace tasks::cli {

/// Snapshots of one process, by their places in the file.
struct recorded_series {
  std::uint32_t pid = 0;
  std::string name;
  std::vector<std::size_t> snapshots;  ///< never empty
  std::vector<std::int64_t> times;     ///< of each: nanoseconds since the epoch
};

/// Of each process that was recorded, in the order of their first snapshots.
[[nodiscard]] std::vector<recorded_series> all_series(const recording_reader& recording);

/// `target`: as of open_recording(). `path`: of errors.
[[nodiscard]] result<recorded_series> find_series(const recording_reader& recording, const std::string& path,
                                                  const std::string& target);

/// A snapshot of one process that was recorded, the last one unless `at` chooses. `target`: its pid or its name; empty:
/// the only one that there is. `tell` gets which one it is, and what is wrong with the file.
[[nodiscard]] result<std::unique_ptr<snapshot_source>> open_recording(const std::string& path,
                                                                      const std::string& target,
                                                                      const std::optional<std::string>& at,
                                                                      const teller& tell);

/// The one just before that. Fails where there is none.
[[nodiscard]] result<std::unique_ptr<snapshot_source>> open_recording_before(const std::string& path,
                                                                             const std::string& target,
                                                                             const std::optional<std::string>& at);

/// When each round was over: one snapshot of each process that was recorded together. Times rise.
[[nodiscard]] std::vector<std::int64_t> ends_of_rounds(const recording_reader& recording);

/// Of each process in it the snapshot of that time.
[[nodiscard]] result<std::vector<std::size_t>> snapshots_at(const recording_reader& recording,
                                                            const std::optional<std::string>& at);

/// "3", "12:30", "12:30:05", "2026-01-31T12:30:00Z", "2026-01-31 12:30", "-5m": the place in `times`, which are in
/// nanoseconds since the epoch and rise. Without a Z it is the local time, without a day that of the last one.
[[nodiscard]] result<std::size_t> choose_snapshot(const std::vector<std::int64_t>& times, std::string_view at);

}  // namespace tasks::cli
