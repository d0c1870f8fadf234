#include "readers/locations.hpp"

#include <optional>

#include "call_path.hpp"
#include "readers/self_memory.hpp"
#include "tasks/detail/layout.hpp"

namespace tasks::detail {
namespace {

/// libstdc++'s std::source_location::__impl.
struct source_location_data {
  std::uint64_t file;
  std::uint64_t function;
  std::uint32_t line;
  std::uint32_t column;
};

}  // namespace

location read_location(std::uint64_t where) {
  if (layout::is_code(where)) return {.function = {}, .file = {}, .line = 0, .address = layout::code_address(where)};
  source_location_data data{};
  if (read_self(where, &data, sizeof data) != sizeof data) return {};
  return {.function = read_self_string(data.function),
          .file = read_self_string(data.file),
          .line = data.line,
          .address = 0};
}

std::vector<std::uint64_t> read_own_call_path(std::uint64_t path) {
  return read_call_path(path, [](std::uint64_t at) {
    std::uint64_t word = 0;
    return read_self(at, &word, sizeof word) == sizeof word ? std::optional(word) : std::nullopt;
  });
}

location_ids::found location_ids::find(std::uint64_t where) {
  if (where == 0) return {0, false};
  const auto next = static_cast<std::uint32_t>(ids_.size() + 1);
  const auto [at, added] = ids_.try_emplace(where, next);
  return {at->second, added};
}

}  // namespace tasks::detail
