#pragma once

#include "commands/command.hpp"

namespace tasks::cli {

command run_program_command();

}  // namespace tasks::cli
