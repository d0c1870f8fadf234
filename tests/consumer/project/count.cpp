#include <tasks/agent.hpp>

#include "waits.hpp"

PUBLIC long JOIN(PREFIX, count)() { return static_cast<long>(tasks::count()); }
