#include <tasks/agent.hpp>

#include "waits.hpp"

int main() {
  wait_on_asio();
#if defined(WITH_BOOST)
  wait_on_boost();
#endif
  return tasks::count() == EXPECTED ? 0 : 1;
}
