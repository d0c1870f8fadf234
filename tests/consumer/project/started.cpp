// Asks whether the agent answers, which nobody here starts: an archive or an object does, if the linker keeps it.
#include <tasks/agent.hpp>

#include "waits.hpp"

int main() {
  wait_on_asio();
#if defined(WITH_BOOST)
  wait_on_boost();
#endif
  return tasks::count() == EXPECTED && tasks::agent::status().code == tasks::agent_status::listening ? 0 : 1;
}
