#pragma once

/// A view of a process as it is, or as a recording that was brought has it.
///
///   ?replay=ID ──> replays ────┐
///   else a pid ──> kept_looks ─┴─> one snapshot ──> `tasks VIEW --from …`

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "serve/http.hpp"
#include "serve/kept_looks.hpp"
#include "serve/replays.hpp"

namespace tasks::cli {

/// Never null, either.
struct seen_view {
  std::shared_ptr<kept_look> of;
  std::shared_ptr<const made_view> made;
};

class viewer {
 public:
  viewer(std::chrono::milliseconds max_age, look_turns& turns) : looks_(max_age, turns), replays_(looks_) {}

  /// Whether a recording is asked about, and no process.
  [[nodiscard]] static bool is_of_replay(const http_request& request) {
    return request.parameter("replay").has_value();
  }

  /// `words`: a command with its options. `pid`: nothing means the only process of a recording. Of a recording the
  /// request's `at` chooses the time.
  result<seen_view> view(const http_request& request, std::optional<pid_t> pid, look_depth depth,
                         std::vector<std::string> words);

  [[nodiscard]] kept_looks& looks() noexcept { return looks_; }
  [[nodiscard]] replays& brought() noexcept { return replays_; }

 private:
  kept_looks looks_;
  replays replays_;
};

}  // namespace tasks::cli
