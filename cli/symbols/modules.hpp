#pragma once

/// The executable and the shared libraries of a target, as libdwfl knows them:
///
///   modules ──> Dwfl ──> symbolizer    names of addresses
///                     └────> native_stacks  call stacks of threads
///
/// One of each target is enough, and shared: opening a file's debug information is what costs.

#include <elfutils/libdwfl.h>
#include <sys/types.h>

namespace tasks::cli {

class modules {
 public:
  /// Of a live process. Its files are looked up when the Dwfl is first asked for, and opened as addresses need them.
  explicit modules(pid_t pid) : pid_(pid) {}
  /// Takes a Dwfl that knows its modules already, such as a core file's. Not null.
  explicit modules(Dwfl* dwfl) : dwfl_(dwfl), is_open_(true) {}
  ~modules();
  modules(const modules&) = delete;
  modules& operator=(const modules&) = delete;

  /// Null: the process is gone, or may not be looked at.
  [[nodiscard]] Dwfl* dwfl();

 private:
  void open();

  pid_t pid_ = 0;
  Dwfl* dwfl_ = nullptr;
  bool is_open_ = false;
};

}  // namespace tasks::cli
