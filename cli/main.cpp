#include "commands/run.hpp"

int main(int argc, char** argv) { return tasks::cli::run_command_line(argc, argv); }
