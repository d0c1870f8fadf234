#pragma once

#include "base/error.hpp"
#include "serve/serve.hpp"

namespace tasks::cli {

/// What main() does. Returns the exit code; errors go to standard error.
int run_command_line(int argc, char** argv);

using server_of_host = result<int>(const serve_settings&);
/// Who serves where `tasks serve` is asked to: `tasks-serve`, which alone brings HTTP with it. Null, as it begins:
/// `tasks serve` becomes that executable.
void set_server(server_of_host* server) noexcept;

}  // namespace tasks::cli
