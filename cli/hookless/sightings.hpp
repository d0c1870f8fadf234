#pragma once

/// Since when tasks that nobody times are seen as they are, look after look. It is less than how long they have been
/// so, or more: between two looks a task may have gone on and come back to the same place.

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace tasks::cli {

class sightings {
 public:
  /// A look at a process, which started at `start_time`; what is known of any other is forgotten.
  void begin(pid_t pid, std::uint64_t start_time, std::uint64_t now_ms);
  /// A task of it. When was the first of the looks, without a gap until this one, that saw it with this `version`?
  [[nodiscard]] std::uint64_t see(std::uint64_t id, std::uint64_t version);
  /// What was not seen since begin() is forgotten.
  void end();

 private:
  struct sight {
    std::uint64_t id, version, since_ms;
  };
  pid_t pid_ = 0;
  std::uint64_t start_time_ = 0, now_ms_ = 0;
  std::vector<sight> before_, seen_;  ///< the former by id
};

}  // namespace tasks::cli
