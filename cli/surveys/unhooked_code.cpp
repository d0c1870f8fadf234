#include "surveys/unhooked_code.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <ranges>
#include <utility>

#include "coroutines/bodies.hpp"
#include "coroutines/frame_layout.hpp"
#include "names.hpp"
#include "symbols/debug_units.hpp"

namespace tasks::cli {
namespace {

/// More are not looked at: each takes about a tenth of a millisecond, at each look.
constexpr std::ptrdiff_t most_bodies = 2000;

struct unhooked_code {
  std::size_t functions = 0;
  std::string example;  ///< the first in the order of their names
};

void add(const coroutine_body& body, unhooked_code& to) {
  auto name = detail::make_readable(body.symbol);
  if (name.plumbing || name.text.empty()) return;
  ++to.functions;
  if (to.example.empty() || name.text < to.example) to.example = std::move(name.text);
}

unhooked_code find_unhooked(modules& of) {
  unhooked_code found;
  const program_code code(of);
  if (!code.has_coroutines()) return found;
  debug_units debug(of);
  frame_layouts layouts(debug);
  for (const auto& body : code.bodies() | std::views::take(most_bodies))
    if (layouts.of(body).is_asios_own) add(body, found);
  return found;
}

}  // namespace

std::optional<std::string> look_for_unhooked_code(const snapshot_source& source) {
  auto* from = source.from();
  if (from == nullptr || !from->has_hook()) return std::nullopt;
  const auto found = find_unhooked(from->code());
  if (found.functions == 0) return std::nullopt;
  return fmt::format(
      "this program also holds coroutines compiled without the hook ({} function{}, e.g. {}): link tasks::asio, or "
      "tasks::boost_asio, to the target that compiles them",
      found.functions, found.functions == 1 ? "" : "s", found.example);
}

}  // namespace tasks::cli
