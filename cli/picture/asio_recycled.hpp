#pragma once

/// Memory that Asio keeps for the next operations of a thread that runs an io_context: it was given back, and what is
/// in it is what was there before.
///
///   scheduler::run() {thread_info this_thread {reusable_memory_[n], …}}      on the thread's stack
///                                              └──> block, block, …
///
/// Where these are is what debug information says of the function; see asio/detail/thread_info_base.hpp.

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "picture/frame_walk.hpp"
#include "picture/memory_image.hpp"
#include "symbols/modules.hpp"

namespace tasks::cli {

class asio_recycled {
 public:
  asio_recycled(const memory_image& image, modules& code) : image_(image), code_(code) {}

  /// Addresses of such blocks, of a thread that waits in a function of libc's: one that runs may be about to use one.
  /// None where there is no debug information.
  [[nodiscard]] std::vector<std::uint64_t> blocks_of(const frame_walk& thread);

 private:
  struct slots {
    std::int64_t from_end = 0;  ///< of the first, from the end of the frame
    std::uint64_t count = 0;
  };
  [[nodiscard]] std::optional<slots> slots_in(std::uint64_t address) const;

  const memory_image& image_;
  modules& code_;
  std::unordered_map<std::uint64_t, std::optional<slots>> known_;  ///< by address of the code
};

}  // namespace tasks::cli
