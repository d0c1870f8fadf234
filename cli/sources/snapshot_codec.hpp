#pragma once

/// The parts of snapshots, compressed with zstd: by themselves, or with the parts of the snapshot before them of the
/// same process as the dictionary, of which little is left where little has changed.
///
///   whole   delta   delta …   delta   whole   delta …      (of one process, in one file)
///
/// Written by recording_writer, read by recording_reader.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "tasks/v1/recording.pb.h"

namespace tasks::cli {

/// Whom a snapshot is of.
struct recorded_process {
  std::uint32_t pid = 0;
  std::uint64_t start_time = 0;
  std::string core;

  [[nodiscard]] auto operator<=>(const recorded_process&) const = default;
};
[[nodiscard]] recorded_process process_of(const v1::SnapshotHead& head);

/// `before`: the parts that they are a delta of; empty: none. Nothing where it would be more than `most` bytes, or
/// where there is not enough memory.
[[nodiscard]] std::optional<std::string> compress_parts(std::string_view parts, std::string_view before,
                                                        std::size_t most = std::string::npos);
/// Nothing where that is not what compress_parts() made of so many bytes and of `before`. Takes no more memory than
/// may_be_compressed() allows.
[[nodiscard]] std::optional<std::string> decompress_parts(std::string_view compressed, std::uint64_t raw_bytes,
                                                          std::string_view before);
/// Could so many bytes be made of so many?
[[nodiscard]] bool may_be_compressed(std::uint64_t compressed_bytes, std::uint64_t raw_bytes) noexcept;

/// The last parts of each process, of as many as have room: those that were put longest ago go first.
template <class About>
class last_parts {
 public:
  struct entry {
    std::string parts;
    About about;
  };

  /// Null: it has none, or they had no room. Valid until the next put().
  [[nodiscard]] const entry* find(const recorded_process& process) const {
    const auto found = entries_.find(process);
    return found == entries_.end() ? nullptr : &found->second.first;
  }
  void put(const recorded_process& process, std::string parts, About about) {
    forget(process);
    bytes_ += parts.size();
    entries_.insert_or_assign(process, std::pair{entry{std::move(parts), about}, ++puts_});
    order_.emplace(puts_, process);
    while (order_.size() > 1 && (bytes_ > most_bytes || order_.size() > most_processes)) {
      forget(recorded_process(order_.begin()->second));
    }
  }
  void forget(const recorded_process& process) {
    const auto found = entries_.find(process);
    if (found == entries_.end()) return;
    bytes_ -= found->second.first.parts.size();
    order_.erase(found->second.second);
    entries_.erase(found);
  }

 private:
  static constexpr std::size_t most_bytes = std::size_t{512} << 20, most_processes = 4096;

  std::map<recorded_process, std::pair<entry, std::uint64_t>> entries_;
  std::map<std::uint64_t, recorded_process> order_;  ///< by when they were put
  std::size_t bytes_ = 0;
  std::uint64_t puts_ = 0;
};

/// Decides which snapshots of a file are whole.
class snapshot_encoder {
 public:
  struct encoded {
    std::string bytes;
    bool whole = true;
  };

  /// Nothing where there is not enough memory.
  [[nodiscard]] std::optional<encoded> encode(const recorded_process& process, std::string_view parts) const;
  /// They are in the file now.
  void was_written(const recorded_process& process, const encoded& made, std::string parts);

 private:
  struct about {
    std::size_t whole_bytes = 0;  ///< that the last whole one has, compressed
    unsigned deltas = 0;          ///< since then
  };
  last_parts<about> last_;
};

}  // namespace tasks::cli
