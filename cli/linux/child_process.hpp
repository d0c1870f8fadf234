#pragma once

/// This executable once more, as a process of its own: what goes wrong there ends it, and not us.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace tasks::cli {

struct child_order {
  std::vector<std::string> words;      ///< arguments, without the program's name
  std::vector<std::string> variables;  ///< "NAME=value", besides our own environment
  int given = -1;                      ///< a descriptor that it has as number 3; -1: none
  std::chrono::milliseconds patience{30'000};
  std::uint64_t most_bytes = std::uint64_t{256} << 20;  ///< of each file that it writes, and so of its output
  std::function<bool()> is_unwanted;                    ///< asked ten times a second; empty: it is wanted to its end
};

struct child_end {
  enum class how { exited, killed, out_of_time, too_much, unwanted };
  how ended = how::exited;
  int code = 0;  ///< if it has exited
  std::string out, err;
};

/// Runs /proc/self/exe to its end. It has no terminal, no core, and is the first that the kernel ends where memory runs
/// out. Who takes too long, or is unwanted, gets SIGTERM, and SIGKILL two seconds later. Dies with the thread that
/// calls. Fails where there can be no process.
[[nodiscard]] result<child_end> run_this_program(const child_order& order);

/// A file without a name, in memory. Fails as memfd_create(2).
[[nodiscard]] result<int> open_nameless_file(const char* name);
/// What is in it, from its begin. Empty: it cannot be read.
[[nodiscard]] std::string read_whole(int file);

}  // namespace tasks::cli
