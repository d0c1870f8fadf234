#pragma once

/// What the kernel says of the threads of a process, and waiting until it is as it has to be.

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "support/program.hpp"

namespace tasks::testing {

struct thread_states {
  std::string letters;     ///< a thread each, as in proc_pid_stat(5): 't' is stopped by who traces it, 'T' by a signal
  bool is_traced = false;  ///< one of them
};

inline thread_states states_of(pid_t pid) {
  thread_states seen;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::ifstream status(thread.path() / "status");
    for (std::string line; std::getline(status, line);) {
      std::istringstream fields(line);
      std::string name, value;
      fields >> name >> value;
      if (name == "State:") seen.letters += value;
      if (name == "TracerPid:" && value != "0") seen.is_traced = true;
    }
  }
  return seen;
}

/// By a signal, all of it.
inline bool is_stopped(pid_t pid) { return states_of(pid).letters.find_first_not_of('T') == std::string::npos; }

/// Throws std::runtime_error at the guard.
template <class Predicate>
void wait_for(const char* what, Predicate holds) {
  for (const auto deadline = std::chrono::steady_clock::now() + guard; !holds();
       std::this_thread::sleep_for(std::chrono::milliseconds(1)))
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error(std::string("waited for: ") + what);
}

}  // namespace tasks::testing
