#pragma once

/// Files of snapshots, as proto/README.md tells: what is written last may be cut anywhere, and all before it is read.
///
///   RecordingHead   SnapshotHead + parts, compressed   SnapshotHead + parts …
///                   └─ each with its length and a CRC in front

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "tasks/v1/recording.pb.h"

namespace tasks::cli {

/// Parts of a snapshot are no longer than that, uncompressed.
inline constexpr std::uint64_t most_recorded_bytes = std::uint64_t{1} << 31;

struct recording_limits {
  std::uint64_t file_bytes = 0;  ///< a file that would grow beyond that is put aside as NAME.1, …; 0: no limit
  unsigned kept = 4;             ///< files put aside that are kept
};

/// Appends snapshots. One that is killed while it does so leaves a file that opens with all that was whole.
class recording_writer {
 public:
  /// Goes on with a recording that is there, from which a torn end is cut off; begins one where there is none. Mode
  /// 0600. Fails where there is a file that is none, one of a newer format, or one that another writer goes on with.
  static result<recording_writer> open(const std::string& path, const recording_limits& limits = {});
  recording_writer(recording_writer&&) noexcept;
  recording_writer& operator=(recording_writer&&) noexcept;
  ~recording_writer();

  /// `parts`: RecordedParts, each with its length in front. `raw_bytes` and `whole` are set here, and what is no UTF-8
  /// in the head becomes '?'. Fails with nothing written, as when the disk is full; the file holds what it held before.
  result<void> append(v1::SnapshotHead head, std::string parts);
  /// Of the file, so far.
  [[nodiscard]] std::uint64_t bytes() const noexcept;

 private:
  struct state;
  explicit recording_writer(std::unique_ptr<state> made);
  std::unique_ptr<state> state_;
};

/// Reads what is there when it opens the file, whether or not somebody still appends to it. For one thread at a time:
/// it keeps what it has decoded last, so that going forward takes no snapshot twice.
class recording_reader {
 public:
  /// Fails where it is no recording, or one of a newer format.
  static result<recording_reader> open(const std::string& path);
  recording_reader(recording_reader&&) noexcept;
  recording_reader& operator=(recording_reader&&) noexcept;
  ~recording_reader();

  [[nodiscard]] const v1::RecordingHead& head() const noexcept;
  /// In the order in which they were written, those that are there with all that they depend on.
  [[nodiscard]] const std::vector<v1::SnapshotHead>& snapshots() const noexcept;
  /// What is wrong, as "the last 812 bytes are cut off" or "what was written at byte 701 is damaged"; empty: nothing.
  [[nodiscard]] const std::string& damage() const noexcept;
  /// The parts of a snapshot, decoded with those that it depends on. Fails where they are not what was written: the
  /// file was changed since, or forged. Precondition: there is such a snapshot.
  [[nodiscard]] result<std::string> parts(std::size_t snapshot) const;

 private:
  struct state;
  explicit recording_reader(std::unique_ptr<state> opened);
  std::unique_ptr<state> state_;
};

}  // namespace tasks::cli
