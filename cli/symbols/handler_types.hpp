#pragma once

/// What an operation of Asio's calls when it is over, by the name of the operation's function:
///
///   asio::detail::reactive_socket_recv_op<…, asio::detail::read_op<…, session::start()::{lambda()#1}>, …>::do_complete
///                                                                     └── the handler: what Asio wraps it in is left
///                                                                     out

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tasks::cli {

struct handler_type {
  enum class kind {
    handler,   ///< `type` names it
    task,      ///< of a coroutine of Asio's, or of what awaits several
    stackful,  ///< of asio::spawn
    function,  ///< kept elsewhere: Asio's executor_function, which the operation leads to
    strand     ///< no handler: a strand's turn
  };
  kind is = kind::handler;
  std::string type;  ///< as the demangler has it
};

/// `symbol`: of the function that completes an operation, mangled or not. Nothing: it is none whose handler is known.
[[nodiscard]] std::optional<handler_type> handler_of(std::string_view symbol);

/// Which of the template arguments of a class of Asio's or Boost.Beast's is the handler that it wraps, from 0; nothing:
/// it wraps none. `name`: without arguments, scopes do not matter. `count`: of its arguments.
[[nodiscard]] std::optional<std::size_t> wrapped_argument(std::string_view name, std::size_t count);

/// A type as people write it: "session::start()::<lambda(std::error_code)>".
[[nodiscard]] std::string readable_handler(std::string_view type);

/// "std::_Bind<void (session::*(…))(…)>", a pointer to a function: which one it is its memory says.
[[nodiscard]] bool keeps_function(std::string_view type);

/// As the demangler has it; a name that it does not know stays.
[[nodiscard]] std::string demangled_symbol(std::string_view symbol);

}  // namespace tasks::cli
