/// The parts of one recorded snapshot, as they are when they have been unpacked: RecordedParts, each with its length in
/// front.
///
/// They are damaged, and that is said, or the snapshot answers as it would have when it was recorded.

#include <string>

#include "base/json.hpp"
#include "base/json_syntax.hpp"
#include "input.hpp"
#include "sources/recorded_source.hpp"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  google::protobuf::SetLogHandler(nullptr);  // it says of each input what is wrong with it
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tasks;
  v1::SnapshotHead head;
  head.set_pid(4242);
  const auto source = cli::open_recorded(head, std::string(reinterpret_cast<const char*>(data), size), "a recording");
  if (!source) return 0;
  fmt::memory_buffer text;
  std::uint64_t tasks = 0, in_groups = 0;
  const auto print = [&](const v1::Chunk& chunk) {
    text.clear();
    cli::print_json(text, chunk);
    fuzz::must(cli::is_json_object({text.data(), text.size()}));
    tasks += static_cast<std::uint64_t>(chunk.tasks_size());
    for (const auto& group : chunk.groups()) in_groups += group.count();
    return true;
  };
  for (const bool counts_only : {true, false}) static_cast<void>((*source)->vitals(counts_only, print));
  v1::StacksRequest query;
  tasks = 0;
  if (const auto end = (*source)->stacks(query, print)) fuzz::must(end->shown() == tasks);
  query.set_grouped(true);
  in_groups = 0;
  if (const auto end = (*source)->stacks(query, print)) fuzz::must(end->shown() == in_groups);
  query.add_states(v1::Task::BLOCKED);
  query.add_kinds(v1::Wait::TIMER);
  query.set_older_than_ms(1000);
  query.set_limit(2);
  static_cast<void>((*source)->stacks(query, print));
  return 0;
}
