// tasks-serve: tasks, and a server besides. What that brings along, a library for HTTP and those for TLS below it,
// takes longer to load than most commands take to run.
#include "commands/run.hpp"
#include "serve/serve.hpp"

int main(int argc, char** argv) {
  tasks::cli::set_server(tasks::cli::serve_this_host);
  return tasks::cli::run_command_line(argc, argv);
}
