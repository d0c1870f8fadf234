#pragma once

/// Readable names of functions, from what compilers and symbol tables call them:
///
///   void worker(worker(int)::_Z6workeri.Frame*)                      g++, std::source_location in a coroutine
///   awaitable<void> app::server::run(T) [T = std::basic_string<char>]   clang
///   _ZZ4mainENKUlvE_clEv.actor                                       symbol of a coroutine's body
///
/// become worker(int), app::server::run(std::string), main()::<lambda()>.

#include <string>
#include <string_view>

namespace tasks::detail {

struct readable_name {
  std::string text;       ///< empty: nothing to show
  bool plumbing = false;  ///< Asio's own, or ours
  bool standard = false;  ///< the standard library's
};

/// Never fails: a name of no known form is shown as it is.
[[nodiscard]] readable_name make_readable(std::string_view raw);

/// "std::invalid_argument", from what std::type_info::name() says.
[[nodiscard]] std::string readable_type(std::string_view name);

}  // namespace tasks::detail
