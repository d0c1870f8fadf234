#pragma once

/// Memory that Asio keeps for the next operations of a thread that runs an io_context: it was given back, and what is
/// in it is what was there before.
///
///   scheduler::run() {thread_info this_thread {reusable_memory_[n], …}}      on the thread's stack
///                                              └──> block, block, …
///
/// Where these are is what debug information says of the function; see asio/detail/thread_info_base.hpp.

#include <cstdint>
#include <vector>

#include "picture/frame_walk.hpp"
#include "picture/memory_image.hpp"
#include "symbols/modules.hpp"
#include "symbols/stack_variables.hpp"

namespace tasks::cli {

class asio_recycled {
 public:
  asio_recycled(const memory_image& image, modules& code, stack_variables& variables)
      : image_(image), code_(code), variables_(variables) {}

  /// Addresses of such blocks, of a thread that waits in a function of libc's: one that runs may be about to use one.
  /// None where there is no debug information.
  [[nodiscard]] std::vector<std::uint64_t> blocks_of(const frame_walk& thread);
  /// Where the addresses of such blocks are, of any thread. One that runs may have just begun to use one.
  [[nodiscard]] std::vector<range> slots_of(const frame_walk& thread);

 private:
  /// The array of blocks that a thread_info begins with.
  struct array {
    std::uint64_t begin = 0, count = 0;
  };
  [[nodiscard]] std::vector<array> arrays_in(const code_frame& frame);
  static void keep(kept_code& in, const code_frame& frame, const std::vector<array>& found);
  [[nodiscard]] bool may_run_a_context(std::uint64_t address) const;

  const memory_image& image_;
  modules& code_;
  stack_variables& variables_;
};

}  // namespace tasks::cli
