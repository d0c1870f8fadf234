#include "reports/frame_names.hpp"

#include <utility>

#include "operation_names.hpp"
#include "readers/locations.hpp"
#include "reports/text.hpp"
#include "wait_names.hpp"

namespace tasks::detail {
namespace {

shown_frame read(std::uint64_t where) {
  if (where == 0) return {"?", "?", "?", 0, false, {}};
  auto found = read_location(where);
  if (found.address != 0) return {"?", "?", hexadecimal(found.address), found.address, false, {}};
  if (found.file.empty()) return {"?", "?", hexadecimal(where), 0, false, {}};
  auto function = function_name(found.function);
  const bool plumbing = is_plumbing(function, found.file);
  auto stands_for = plumbing ? read_library_frame(function) : library_frame();
  if (stands_for.is == library_frame::kind::entry) stands_for.text.clear();
  return {
      std::move(function),       std::move(found.function), found.file + ":" + std::to_string(found.line), 0, plumbing,
      std::move(stands_for.text)};
}

}  // namespace

std::string_view state_name(task_state state, layout::wait_kind kind) noexcept {
  switch (state) {
    case task_state::ready:
      return "ready";
    case task_state::running:
      return "running";
    case task_state::blocked:
      break;
  }
  const bool known = kind != layout::wait_kind::none && kind != layout::wait_kind::other;
  return known ? wait_name(kind) : "blocked";
}

const shown_frame& frame_names::find(std::uint64_t where) {
  auto [at, added] = names_.try_emplace(where);
  if (added) at->second = read(where);
  return at->second;
}

std::string frame_names::operation_of(std::span<const std::uint64_t> where) {
  std::string operation;
  for (const auto each : where) {
    const auto& frame = find(each);
    if (each != 0 && !frame.plumbing) return {};
    if (operation.empty()) operation = frame.operation;
  }
  return operation;
}

}  // namespace tasks::detail
