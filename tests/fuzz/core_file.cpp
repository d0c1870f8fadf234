/// A core file, compressed or not.
///
/// It is refused with a reason, or its memory is read: regions do not end before they begin, and no read gives more
/// than was asked for.

#include <array>

#include "input.hpp"
#include "sources/snapshot_source.hpp"
#include "target/core_file.hpp"
#include "target/core_glance.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tasks;
  const fuzz::file file({reinterpret_cast<const char*>(data), size});
  cli::stored_core stored;
  stored.path = file.path();
  static_cast<void>(cli::glance_at(stored, std::chrono::steady_clock::time_point::max()));
  const auto core = cli::core_file::open(file.path(), std::nullopt);
  if (!core) {
    fuzz::must(!core.why().fact.empty());
    return 0;
  }
  static_cast<void>((*core)->what_is_left_out());
  std::array<char, 512> bytes;
  for (const auto& region : (*core)->regions()) {
    fuzz::must(region.begin < region.end);
    for (const auto at : {region.begin, region.end - 1, region.end})
      fuzz::must((*core)->read(at, bytes.data(), bytes.size()) <= bytes.size());
  }
  static_cast<void>((*core)->objects());
  return 0;
}
