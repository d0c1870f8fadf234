#pragma once

/// What host_plugin.cpp, a shared library, shows to host_plugins.cpp.
struct plugin_calls {
  /// Starts an agent of the library's own, and so many tasks on a thread of the library's own.
  void (*start)(int tasks);
  /// Ends all of that; the library may be closed.
  void (*stop)();
};
