#include "reports/frame_names.hpp"

#include <utility>

#include "readers/locations.hpp"
#include "reports/text.hpp"

namespace tasks::detail {
namespace {

constexpr std::string_view wait_name(layout::wait_kind kind) noexcept {
  using enum layout::wait_kind;
  switch (kind) {
    case channel_send:
      return "channel send";
    case channel_receive:
      return "channel receive";
    case timer:
      return "timer";
    case socket_connect:
      return "socket connect";
    case socket_accept:
      return "socket accept";
    case socket_read:
      return "socket read";
    case socket_write:
      return "socket write";
    case socket_wait:
      return "socket wait";
    case resolve:
      return "resolve";
    case signal:
      return "signal";
    case descriptor_read:
      return "descriptor read";
    case descriptor_write:
      return "descriptor write";
    case descriptor_wait:
      return "descriptor wait";
    case post:
      return "post";
    case tasks:
      return "tasks";
    case none:
    case other:
      break;
  }
  return "blocked";
}

shown_frame read(std::uint64_t where) {
  if (where == 0) return {"?", "?", "?", 0, false};
  auto found = read_location(where);
  if (found.address != 0) return {"?", "?", hexadecimal(found.address), found.address, false};
  if (found.file.empty()) return {"?", "?", hexadecimal(where), 0, false};
  auto function = function_name(found.function);
  const bool plumbing = is_plumbing(function, found.file);
  return {std::move(function), std::move(found.function), found.file + ":" + std::to_string(found.line), 0, plumbing};
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
  return wait_name(kind);
}

const shown_frame& frame_names::find(std::uint64_t where) {
  auto [at, added] = names_.try_emplace(where);
  if (added) at->second = read(where);
  return at->second;
}

}  // namespace tasks::detail
