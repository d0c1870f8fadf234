#pragma once

/// The executable and the shared libraries of a target, as libdwfl knows them:
///
///   target_code ──> Dwfl ──> symbolizer    names of addresses
///                     └────> native_stacks  call stacks of threads
///
/// One of each target is enough, and shared: opening a file's debug information is what costs.

#include <elfutils/libdwfl.h>
#include <sys/types.h>

namespace tasks::cli {

class target_code {
 public:
  /// Of a live process. Its files are looked up when the Dwfl is first asked for, and opened as addresses need them.
  explicit target_code(pid_t pid) : pid_(pid) {}
  /// Takes a Dwfl that knows its modules already, such as a core file's. Not null.
  explicit target_code(Dwfl* dwfl) : dwfl_(dwfl), is_open_(true) {}
  ~target_code();
  target_code(const target_code&) = delete;
  target_code& operator=(const target_code&) = delete;

  /// Null: the process is gone, or may not be looked at.
  [[nodiscard]] Dwfl* dwfl();

 private:
  void open();

  pid_t pid_ = 0;
  Dwfl* dwfl_ = nullptr;
  bool is_open_ = false;
};

}  // namespace tasks::cli
