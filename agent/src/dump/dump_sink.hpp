#pragma once

/// Where a dump goes: standard error, or a file. Waits for who reads so slowly for a minute at most.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <streambuf>
#include <string>
#include <string_view>

#include "descriptor.hpp"

namespace tasks::detail {

/// The file that a pattern names now: %p, %t and %% as signal_dump_options::path has them; empty: it has no room in
/// PATH_MAX. Throws std::bad_alloc.
[[nodiscard]] std::string file_named_by(const std::string& pattern);
/// Has it none but those, and room?
[[nodiscard]] bool is_file_pattern(std::string_view pattern) noexcept;

struct opened_sink {
  descriptor fd;         ///< none: it cannot be written to, or is not there
  const char* why = "";  ///< then
};
/// Makes it, or takes a regular file of this user's that has no other name; follows no symlink there.
/// Async-signal-safe.
[[nodiscard]] opened_sink open_dump_file(const char* path) noexcept;
/// The first call tells whether there is a standard error; what gets its number later is none.
void note_standard_error() noexcept;
/// A descriptor of its own for standard error. None if there was none at first, or that is closed or a network socket.
[[nodiscard]] opened_sink open_standard_error() noexcept;

/// Writes in parts of at most PIPE_BUF bytes: what poll(2) calls writable takes so many without waiting, unless another
/// writer is faster.
class dump_sink : public std::streambuf {
 public:
  static constexpr std::uint64_t patience_ms = 5000;   ///< without progress
  static constexpr std::uint64_t at_most_ms = 60'000;  ///< in all

  explicit dump_sink(const opened_sink& to) noexcept;
  dump_sink(const dump_sink&) = delete;
  dump_sink& operator=(const dump_sink&) = delete;

  /// 0, or the errno that ended it; ETIMEDOUT: nobody reads. What came afterwards is lost.
  [[nodiscard]] int error() const noexcept { return error_; }

 protected:
  int_type overflow(int_type next) override;
  int sync() override;

 private:
  [[nodiscard]] bool write_out() noexcept;
  /// False: not in time.
  [[nodiscard]] bool wait_until_writable() const noexcept;

  int fd_;
  bool is_socket_ = false;
  int error_ = 0;
  std::uint64_t until_;  ///< CLOCK_MONOTONIC, in milliseconds
  char buffer_[4096];
};

/// From when on every dump_sink fails, with ETIMEDOUT: CLOCK_MONOTONIC, in milliseconds. At most a tenth of a second
/// after it was set to now nobody waits any more for who reads.
extern std::atomic<std::uint64_t> dumps_end_at;

/// The descriptor that a dump is written to at this moment, -1: none. For the child of a fork, which closes its copy.
extern std::atomic<int> dump_descriptor;

}  // namespace tasks::detail
