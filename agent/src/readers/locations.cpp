#include "readers/locations.hpp"

#include <optional>
#include <utility>

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

std::vector<location> read_locations(std::span<const std::uint64_t> where) {
  std::vector<location> found(where.size());
  std::vector<source_location_data> data(where.size());
  std::vector<self_piece> pieces;
  for (std::size_t i = 0; i < where.size(); ++i) {
    if (layout::is_code(where[i]))
      found[i].address = layout::code_address(where[i]);
    else
      pieces.push_back({where[i], &data[i], sizeof data[i]});
  }
  read_self(pieces);
  std::vector<std::uint64_t> texts(2 * where.size());  // of those that are not there: 0
  std::size_t next = 0;
  for (std::size_t i = 0; i < where.size(); ++i) {
    if (layout::is_code(where[i]) || pieces[next++].got != sizeof data[i]) continue;
    texts[2 * i] = data[i].function;
    texts[2 * i + 1] = data[i].file;
    found[i].line = data[i].line;
  }
  auto read = read_self_strings(texts);
  for (std::size_t i = 0; i < where.size(); ++i) {
    found[i].function = std::move(read[2 * i]);
    found[i].file = std::move(read[2 * i + 1]);
  }
  return found;
}

location read_location(std::uint64_t where) { return std::move(read_locations({&where, 1}).front()); }

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
