#pragma once

/// The records that a file of snapshots consists of, as proto/README.md tells.
///
///   "tasksrec"   length CRC RecordingHead   length CRC SnapshotHead parts   length CRC SnapshotHead parts …

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "tasks/v1/recording.pb.h"

namespace tasks::cli {

/// What a recording begins with.
inline constexpr std::string_view recording_magic = "tasksrec";
/// Of RecordingHead.
inline constexpr std::uint32_t recording_format = 1;
/// A longer SnapshotHead is none.
inline constexpr std::size_t most_head_bytes = 65'536;

/// What a file begins with.
[[nodiscard]] std::string first_record(const v1::RecordingHead& head);
/// Precondition: the head is not longer than most_head_bytes, and the parts are shorter than 4 GiB.
[[nodiscard]] std::string snapshot_record(const v1::SnapshotHead& head, std::string_view compressed);

struct recorded_snapshot {
  v1::SnapshotHead head;
  std::uint64_t offset = 0;        ///< of its compressed parts in the file
  std::uint64_t bytes = 0;         ///< that they have
  std::size_t damaged_before = 0;  ///< damaged records in front of it
};

struct scanned_recording {
  v1::RecordingHead head;  ///< empty where it is damaged
  std::vector<recorded_snapshot> snapshots;
  std::uint64_t end = 0;            ///< of the last record that is whole; 0: there is none
  std::uint64_t bytes = 0;          ///< of the file
  std::uint64_t scanned = 0;        ///< what follows is no record
  std::size_t damaged = 0;          ///< records whose content is not what was written
  std::uint64_t first_damaged = 0;  ///< offset of the first of them
};

/// Reads all of a file, and holds every record against its CRC. Takes memory for the heads alone.
/// `next_step`: what to do where it is no recording, or one of a newer format.
result<scanned_recording> scan_recording(int file, const std::string& path, std::string_view next_step);

/// Of a file; fewer where it ends before.
[[nodiscard]] std::string read_at(int file, std::uint64_t offset, std::uint64_t bytes);

}  // namespace tasks::cli
