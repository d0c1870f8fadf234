#include "coroutines/frame_values.hpp"

#include "coroutines/suspended_frame.hpp"
#include "coroutines/value_words.hpp"
#include "symbols/dwarf_types.hpp"

namespace tasks::cli {
namespace {

/// Larger ones are shown by their types alone.
constexpr std::uint64_t largest_variable = std::uint64_t{1} << 20;

bool is_readable(const memory& from, std::uint64_t at, std::uint64_t size) {
  std::vector<unsigned char> bytes(size);
  return from.read(at, bytes.data(), size) == size;
}

}  // namespace

bool frame_values::knows(std::uint64_t frame) {
  const auto* body = body_of_frame(program_, from_, frame);
  return body && program_.layouts.of(*body).is_known;
}

std::vector<frame_value> frame_values::of(std::uint64_t frame, state its) {
  std::vector<frame_value> found;
  const auto* body = body_of_frame(program_, from_, frame);
  if (!body) return found;
  const auto suspended = suspended_at(program_, *body, from_, frame);
  if (!suspended) return found;
  const auto& layout = *suspended->layout;
  for (const auto& each : scopes_.at(*body, layout, suspended->index)) {
    if (found.size() == most_of_frame) break;
    if (its == state::unless_not_asio && !layout.is_asio && !each.is_parameter) continue;
    auto type = each.of->type;
    const auto size = dwarf::size_of(type);
    if (size == 0 || size > largest_variable || each.of->offset > layout.size || size > layout.size - each.of->offset)
      continue;
    const auto at = frame + each.of->offset;
    if (is_readable(from_, at, size)) found.push_back({each.name, each.type, value_words(from_, at, type), at});
  }
  return found;
}

}  // namespace tasks::cli
