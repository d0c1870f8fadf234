#pragma once

/// Stops every thread of a process for as long as the object lives, and reads the registers.
///
/// Each is a tracee. Threads that begin meanwhile are found by listing again until none is new.

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <vector>

#include "base/error.hpp"
#include "linux/registers.hpp"
#include "linux/tracee.hpp"

namespace tasks::cli {

class process_stop {
 public:
  /// Gives up, and lets go, when a thread cannot be stopped before `patience` is over (it sleeps in the kernel), or
  /// has registers that cannot be read.
  [[nodiscard]] static result<process_stop> begin(pid_t pid, std::chrono::milliseconds patience);

  process_stop(process_stop&& other) noexcept;
  process_stop& operator=(process_stop&&) = delete;
  ~process_stop() { end(); }

  /// Lets go. Only by the thread that called begin().
  void end() noexcept;
  [[nodiscard]] const std::vector<thread_registers>& threads() const noexcept { return registers_; }

 private:
  explicit process_stop(pid_t pid) : pid_(pid) {}
  [[nodiscard]] result<bool> seize_new();
  [[nodiscard]] bool wait_for(tracee& t, std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] bool read_registers(pid_t tid);

  pid_t pid_;
  std::vector<tracee> tracees_;
  std::vector<thread_registers> registers_;
};

}  // namespace tasks::cli
