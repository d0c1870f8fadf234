#pragma once

/// Recordings that were brought to be looked at: `POST /api/v1/replays`.
///
///   body ──in pieces──> a file without a name ──`tasks list --from`, in a process of its own──> kept, by a random name
///                                                  └── it is none: it says why, and the file is gone
///
/// Nothing here reads what is in a file: only processes do that are made for it, and end with it.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/error.hpp"
#include "serve/http.hpp"
#include "serve/kept_looks.hpp"

namespace tasks::cli {

/// Those that are kept. Knows no clock: it is told what time it is.
class kept_replays {
 public:
  using time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t most = 4;            ///< of more, the one that nobody has asked for for longest goes
  static constexpr std::chrono::hours kept_for{1};  ///< since somebody has asked for it

  void keep(std::string id, std::shared_ptr<kept_look> look, time now);
  /// Null: it is gone, or never was.
  [[nodiscard]] std::shared_ptr<kept_look> find(const std::string& id, time now);
  void forget_old(time now);

 private:
  struct kept {
    std::shared_ptr<kept_look> look;
    time asked;
  };
  std::map<std::string, kept> kept_;
};

class replays {
 public:
  using clock = std::chrono::steady_clock;
  static constexpr std::uint64_t most_bytes = std::uint64_t{256} << 20;  ///< of one
  static constexpr std::size_t most_received = 2;                        ///< at once

  explicit replays(kept_looks& views) : views_(views) {}

  /// 201 with {"replay":ID}. 400: it is no recording, 411, 413: how long it is is not said, or is too much; 503: others
  /// are received, 507: there is no room for it.
  [[nodiscard]] http_answer bring(const http_request& request);
  /// Fails where it is gone, or never was.
  [[nodiscard]] result<std::shared_ptr<kept_look>> find(const std::string& id);
  /// Those that nobody has asked for for too long.
  void forget_old();

 private:
  class receiving;

  [[nodiscard]] http_answer receive(const http_request& request);
  [[nodiscard]] http_answer check_and_keep(descriptor file, const http_request& request);

  kept_looks& views_;
  std::mutex mutex_;  ///< guards all that follows
  kept_replays kept_;
  std::size_t received_ = 0;  ///< now
};

}  // namespace tasks::cli
