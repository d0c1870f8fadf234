#pragma once

/// Which frames belong to the libraries that run tasks, rather than to whoever wrote the tasks: a row a library, as in
/// common/library_names.hpp.

#include <array>
#include <string_view>

namespace tasks::detail {

struct library {
  /// Parts of the paths of its own sources.
  std::array<std::string_view, 3> folders;
  /// In whose functions users do not write.
  std::string_view scope;
  /// Its namespaces as the Itanium C++ ABI mangles them (<nested-name>).
  std::array<std::string_view, 2> mangled_scopes;
  /// Parts of the symbols of functions that resume tasks or call one handler after another: their callers are the cause
  /// of nothing within them.
  std::array<std::string_view, 6> lend_threads;
};

inline constexpr std::array<library, 1> libraries = {{
    // Standalone and Boost's.
    {{"/asio/impl/", "/asio/detail/", "/asio/experimental/"},
     "asio::detail::",
     {"4asio", "5boost4asio"},
     {"9scheduler10do_run_one", "9scheduler11do_poll_one", "9scheduler11do_wait_one", "10io_context3run",
      "16awaitable_thread", "20awaitable_frame_base"}},
}};

}  // namespace tasks::detail
