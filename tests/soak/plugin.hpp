#pragma once

namespace soak {

/// What plugin.cpp, a shared library, shows to server.cpp.
struct plugin_calls {
  /// Starts tasks on a thread of the library's own, and an agent of its own if it is to have one.
  void (*start)(int tasks, bool has_agent);
  /// Ends all of that; the library may be closed.
  void (*stop)();
};

}  // namespace soak
