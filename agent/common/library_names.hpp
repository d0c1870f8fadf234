#pragma once

/// Which functions belong to the libraries that run tasks, rather than to whoever wrote the tasks: a row a library, so
/// that another one is another row.

#include <array>
#include <string_view>

namespace tasks::detail {

struct library_names {
  /// Namespaces of its own, as readable names have them.
  std::array<std::string_view, 2> scopes;
  /// Further namespaces begin with one of the first and end with one of the second.
  std::array<std::string_view, 2> helpers_begin, helpers_end;
  /// What people who write with it leave out of the names of its types, in this order.
  std::array<std::string_view, 4> unwritten;
  /// Functions from which a thread goes on into a task: behind them its stack is the library's.
  std::array<std::string_view, 2> resume_tasks;
  /// Functions that call one handler after another: behind them nobody knows what these do.
  std::array<std::string_view, 5> run_handlers;
};

inline constexpr std::array<library_names, 1> named_libraries = {{
    // Standalone and Boost's. asio_handler_invoke_helpers, boost_asio_execution_execute_fn.
    {{"asio::", "boost::asio::"},
     {"asio_", "boost_asio_"},
     {"_helpers", "_fn"},
     {"boost::", "asio::", "ip::", "experimental::"},
     {"::awaitable_thread::pump", "::awaitable_frame_base::resume"},
     {"::scheduler::do_run_one", "::scheduler::do_poll_one", "::scheduler::do_wait_one", "::scheduler::run",
      "::io_context::run"}},
}};

/// Is this readable name one of theirs, or of our hooks in them?
[[nodiscard]] bool is_plumbing(std::string_view function);
/// The same of a name that cannot be demangled.
[[nodiscard]] bool is_mangled_plumbing(std::string_view symbol);
/// Does a thread that is in this function run the task that it resumed?
[[nodiscard]] bool resumes_task(std::string_view bare_function);
/// Does it run whatever comes, so that its own caller is the cause of nothing within it?
[[nodiscard]] bool lends_thread(std::string_view bare_function);
/// "tcp::socket" of "boost::asio::ip::tcp::socket"; a name that is none of theirs stays.
[[nodiscard]] std::string_view as_written(std::string_view type);

}  // namespace tasks::detail
