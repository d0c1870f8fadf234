#include "sources/recording_records.hpp"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <optional>

#include "length_prefix.hpp"
#include "sources/recording_file.hpp"
#include "sources/snapshot_codec.hpp"

namespace tasks::cli {
namespace {

/// In front of each record: its length and its CRC.
constexpr std::uint64_t frame_bytes = 8;
constexpr std::size_t read_at_once = 256 * 1024;
constexpr std::size_t longest_head_length = 10;

std::uint32_t crc_of(std::string_view bytes, std::uint32_t before = 0) {
  if (bytes.empty()) return before;  // which zlib takes for a new beginning
  return static_cast<std::uint32_t>(
      ::crc32_z(before, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

void append_fixed32(std::string& to, std::uint32_t number) {
  for (unsigned shift = 0; shift < 32; shift += 8) to.push_back(static_cast<char>(number >> shift & 0xff));
}

std::uint32_t fixed32_at(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (unsigned i = 0; i < 4; ++i) number |= std::uint32_t{static_cast<unsigned char>(bytes[at + i])} << 8 * i;
  return number;
}

std::string framed_record(std::string_view head, std::string_view rest) {
  std::string made;
  made.reserve(frame_bytes + head.size() + rest.size());
  append_fixed32(made, static_cast<std::uint32_t>(head.size() + rest.size()));
  append_fixed32(made, crc_of(rest, crc_of(head)));
  return made.append(head).append(rest);
}

/// A record as it lies in the file.
struct framed {
  std::uint64_t offset = 0;  ///< of its content
  std::uint64_t bytes = 0;   ///< of its content
  std::string begin;         ///< as much of it as a head may take
  bool intact = false;

  [[nodiscard]] std::uint64_t end() const noexcept { return offset + bytes; }
};

/// Nothing where no record can be.
std::optional<framed> record_at(int file, std::uint64_t offset, std::uint64_t file_bytes) {
  if (file_bytes - offset <= frame_bytes) return std::nullopt;
  const auto frame = read_at(file, offset, frame_bytes);
  if (frame.size() < frame_bytes) return std::nullopt;
  framed found;
  found.offset = offset + frame_bytes;
  found.bytes = fixed32_at(frame, 0);
  if (found.bytes == 0 || found.bytes > file_bytes - found.offset) return std::nullopt;
  found.begin =
      read_at(file, found.offset, std::min<std::uint64_t>(found.bytes, most_head_bytes + longest_head_length));
  auto crc = crc_of(found.begin);
  auto at = found.offset + found.begin.size();
  while (at < found.end()) {
    const auto some = read_at(file, at, std::min<std::uint64_t>(found.end() - at, read_at_once));
    if (some.empty()) break;
    crc = crc_of(some, crc);
    at += some.size();
  }
  found.intact = at == found.end() && crc == fixed32_at(frame, 4);
  return found;
}

std::optional<recorded_snapshot> snapshot_in(const framed& record) {
  const auto prefix = detail::read_length_prefix(record.begin, longest_head_length);
  if (prefix.is != detail::length_prefix::state::complete || prefix.length > most_head_bytes) return std::nullopt;
  if (prefix.length > record.begin.size() - prefix.size) return std::nullopt;
  recorded_snapshot found;
  if (!found.head.ParseFromArray(record.begin.data() + prefix.size, static_cast<int>(prefix.length))) {
    return std::nullopt;
  }
  found.offset = record.offset + prefix.size + prefix.length;
  found.bytes = record.end() - found.offset;
  const auto raw_bytes = found.head.raw_bytes();
  if (raw_bytes > most_recorded_bytes || !may_be_compressed(found.bytes, raw_bytes)) return std::nullopt;
  return found;
}

/// Is it what it claims to be?
bool take(const framed& record, scanned_recording& to) {
  if (!record.intact) return false;
  if (record.offset == recording_magic.size() + frame_bytes) {
    return record.bytes <= most_head_bytes &&
           to.head.ParseFromArray(record.begin.data(), static_cast<int>(record.bytes));
  }
  auto found = snapshot_in(record);
  if (!found) return false;
  found->damaged_before = to.damaged;
  to.snapshots.push_back(*std::move(found));
  return true;
}

}  // namespace

std::string read_at(int file, std::uint64_t offset, std::uint64_t bytes) {
  std::string read(bytes, '\0');
  std::size_t size = 0;
  while (size < read.size()) {
    const auto n = ::pread(file, read.data() + size, read.size() - size, static_cast<off_t>(offset + size));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    size += static_cast<std::size_t>(n);
  }
  read.resize(size);
  return read;
}

std::string first_record(const v1::RecordingHead& head) {
  return std::string(recording_magic) + framed_record(head.SerializeAsString(), {});
}

std::string snapshot_record(const v1::SnapshotHead& head, std::string_view compressed) {
  std::string begin;
  detail::append_length_prefix(begin, head.ByteSizeLong());
  head.AppendToString(&begin);
  return framed_record(begin, compressed);
}

result<scanned_recording> scan_recording(int file, const std::string& path, std::string_view next_step) {
  struct stat status {};
  if (::fstat(file, &status) != 0) return error{error_code::usage, path, ::strerror(errno), ""};
  const auto refused = [&](const char* fact) { return error{error_code::usage, path, fact, std::string(next_step)}; };
  if (!S_ISREG(status.st_mode) || read_at(file, 0, recording_magic.size()) != recording_magic) {
    return refused("no recording of tasks");
  }
  scanned_recording found;
  found.bytes = static_cast<std::uint64_t>(status.st_size);
  found.scanned = recording_magic.size();
  while (const auto record = record_at(file, found.scanned, found.bytes)) {
    if (take(*record, found)) {
      found.end = record->end();
    } else if (found.damaged++ == 0) {
      found.first_damaged = found.scanned;
    }
    found.scanned = record->end();
    if (found.head.format() > recording_format) return refused("written by a newer version of tasks");
  }
  return found;
}

}  // namespace tasks::cli
