#pragma once

/// Files of our own in $XDG_CACHE_HOME/tasks, or else ~/.cache/tasks. What anybody else could have put there is not
/// read; what cannot be read or written is as if it were not there.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "descriptor.hpp"

namespace tasks::cli {

class cache_folder {
 public:
  static constexpr std::size_t largest_file = std::size_t{16} << 20;
  /// Of all files together, in bytes: when it is passed the oldest are dropped until three quarters of it are left.
  static constexpr std::uint64_t most_bytes = std::uint64_t{64} << 20;

  /// Made with mode 0700 where it is missing. Nothing: TASKS_CACHE is "off", neither variable is an absolute path, the
  /// folder that one names is another user's (as that of sudo's caller), or ours may be written by others.
  [[nodiscard]] static std::optional<cache_folder> open();

  /// The whole of a file; nothing: there is none of ours, or it is too large.
  [[nodiscard]] std::optional<std::string> read(const std::string& name) const;
  /// All of it or nothing is there afterwards, with mode 0600.
  void write(const std::string& name, std::string_view bytes) const;

 private:
  explicit cache_folder(detail::descriptor folder) : folder_(std::move(folder)) {}
  void drop_oldest() const;

  detail::descriptor folder_;
};

}  // namespace tasks::cli
