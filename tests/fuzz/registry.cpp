/// A target's memory: its roots, and the registries that these lead to.
///
///   {still : 1} {root : 4} {offset : 4} {size : 2} bytes …     see input_memory.hpp; the first root's place
///
/// All of it may be nonsense: tasks that have no end, slabs that overlap, chains in circles. What is told is told once,
/// and the walk comes to an end.

#include <set>

#include "input_memory.hpp"
#include "target/registry_reader.hpp"
#include "target/roots.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tasks;
  constexpr std::uint64_t begin = 0x7f00'0000'0000, bytes = 8 << 20;
  fuzz::input in(data, size);
  const bool is_still = in.number<std::uint8_t>() != 0;
  const auto first = begin + in.number<std::uint32_t>() % bytes;
  const fuzz::memory memory(begin, bytes, in, is_still);
  std::vector<cli::root_copy> roots;
  for (const auto at : {first, first + sizeof(layout::root)})
    if (cli::root_copy root; cli::read_root(memory, at, root) == 0) roots.push_back(std::move(root));
  cli::target_roots found;
  found.instrumented = true;
  found.roots = roots;
  fuzz::must(!cli::reason_without_agent(found, 4242).empty());

  cli::registry_reader reader(memory, roots);
  std::set<std::uint64_t> records;
  std::uint64_t visited = 0;
  const auto counts = reader.walk({}, 0, [&](const cli::target_task& task) {
    ++visited;
    fuzz::must(records.insert(task.record).second);
    fuzz::must(task.where.size() >= task.depth && task.frames.size() >= task.depth);
    for (const auto& [key, value] : reader.annotations(task))
      fuzz::must(key.size() <= layout::text_size && value.size() <= layout::text_size);
  });
  fuzz::must(counts.matched == visited);
  for (const auto record : records) static_cast<void>(reader.read(record));
  reader.each_record([](std::uint64_t, const unsigned char*) {});
  fuzz::must(reader.threads().size() <= roots.size() * layout::max_threads);
  fuzz::must(reader.failures().size() <= roots.size() * layout::recent_failures);
  static_cast<void>(reader.newest_tick());
  static_cast<void>(reader.count_ends());
  static_cast<void>(reader.lost());
  return 0;
}
