// tasks::autostart: starts the agent before main, stops it at exit.
#include "tasks/agent.hpp"

namespace {
const tasks::agent autostart;
}  // namespace
