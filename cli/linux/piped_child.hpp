#pragma once

/// A child process with whom this one speaks through pipes, several of them at once, and which keeps the terminal.

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "descriptor.hpp"

namespace tasks::cli {

class piped_child {
 public:
  struct pipes {
    bool error = false;  ///< standard error, too; else it is ours
  };
  /// Runs argv[0], looked up in PATH. The pipes do not block, and no other child has them. SIGINT from the terminal is
  /// not the child's: it is ignored there. Fails where there are no descriptors, processes or such a program.
  [[nodiscard]] static result<piped_child> start(const std::vector<std::string>& argv, pipes which);
  piped_child(piped_child&& other) noexcept;
  piped_child& operator=(piped_child&&) = delete;
  /// Kills it if it runs, and reaps it.
  ~piped_child();

  detail::descriptor input, output, error;  ///< its standard input, …; whoever closes one says that there is no more

  /// As of wait(2), once it has ended.
  [[nodiscard]] std::optional<int> status();
  void send_signal(int signal) const noexcept;

 private:
  explicit piped_child(pid_t pid) : pid_(pid) {}
  pid_t pid_ = -1;  ///< -1: moved from
  std::optional<int> status_;
};

/// Runs a program on our own standard streams and waits for it; ^C and ^\ are the program's business meanwhile. As of
/// wait(2).
[[nodiscard]] result<int> run_on_our_terminal(const std::vector<std::string>& argv);

}  // namespace tasks::cli
