/// A file of `tasks record`.
///
///   {repaired : 1}   file …     1: each record's CRC is made right before it is read, so that what is behind it is
///
/// It is refused, or its snapshots are read as far as they are not damaged: vitals, each task, groups of them.

#include <zlib.h>

#include <string>

#include "input.hpp"
#include "sources/recorded_source.hpp"
#include "sources/recording_file.hpp"
#include "sources/recording_records.hpp"

namespace {

using namespace tasks;

/// Of more the parts would take all the memory that there is, as the format allows.
constexpr std::uint64_t most_raw_bytes = 16 << 20;

/// See proto/README.md: length and CRC, 4 bytes each, in front of each record.
void repair(std::string& file) {
  for (std::size_t at = cli::recording_magic.size(); at + 8 < file.size();) {
    std::uint32_t length = 0;
    std::memcpy(&length, file.data() + at, sizeof length);
    const auto bytes = std::min<std::size_t>(length, file.size() - at - 8);
    const auto crc =
        static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const unsigned char*>(file.data()) + at + 8, bytes));
    std::memcpy(file.data() + at + 4, &crc, sizeof crc);
    at += 8 + bytes;
  }
}

void ask(cli::snapshot_source& source) {
  std::size_t tasks = 0;
  const auto count = [&](const v1::Chunk& chunk) {
    tasks += static_cast<std::size_t>(chunk.tasks_size());
    return true;
  };
  for (const bool counts_only : {true, false}) static_cast<void>(source.vitals(counts_only, count));
  v1::StacksRequest all, grouped, few;
  grouped.set_grouped(true);
  few.set_limit(1);
  few.add_states(v1::Task::BLOCKED);
  for (const auto& query : {all, grouped, few}) {
    tasks = 0;
    if (const auto end = source.stacks(query, count)) fuzz::must(query.grouped() || tasks == end->shown());
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  google::protobuf::SetLogHandler(nullptr);  // it says of each input what is wrong with it
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input in(data, size);
  const bool repaired = in.number<std::uint8_t>() != 0;
  std::string bytes(in.rest());
  if (repaired) repair(bytes);
  const fuzz::file file(bytes);
  const auto reader = cli::recording_reader::open(file.path());
  if (!reader) return 0;
  for (std::size_t i = 0; i < reader->snapshots().size(); ++i) {
    const auto& head = reader->snapshots()[i];
    if (head.raw_bytes() > most_raw_bytes) continue;
    auto parts = reader->parts(i);
    if (!parts) continue;
    fuzz::must(parts->size() == head.raw_bytes());
    const auto source = cli::open_recorded(head, *std::move(parts), "a recording");
    if (source) ask(**source);
  }
  return 0;
}
