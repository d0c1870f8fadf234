// tasks::autostart: starts the agent before main, stops it at exit.
#include "tasks/agent.hpp"

namespace {
const tasks::agent autostart;
}  // namespace

// A linker takes from an archive only what something refers to. tasks-autostart.pc has it refer to this.
extern "C" void tasks_autostart() {}
