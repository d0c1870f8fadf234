// Compiled with -fno-exceptions, as parts of servers are. Coroutines of Asio's cannot be: their headers have handlers.

#include <cstdlib>

#include "tasks/agent.hpp"
#include "tasks/async_stacktrace.hpp"
#include "tasks/dump.hpp"
#include "tasks/exceptions.hpp"
#include "tasks/format.hpp"
#include "tasks/stacks.hpp"
#include "tasks/this_task.hpp"

void asks_without_exceptions();
void asks_without_exceptions() { tasks::dump_on_terminate(); }

void breaks_without_exceptions();
void breaks_without_exceptions() {
  if (tasks::this_task::stack().size() > 1) std::abort();
}
