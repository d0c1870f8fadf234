#pragma once

/// A process, or the core of one, whose tasks nobody told: they are found in a picture of it, and a registry of them is
/// put into that picture.
///
///   process, core ──> picture ──> frames ──> tasks ──> what they wait for ──> registry made of that ──> target
///
/// It stands still: what it tells is of the last look.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/error.hpp"
#include "hookless/sightings.hpp"
#include "target/target.hpp"

namespace tasks::cli {

class hookless_target : public target {
 public:
  /// When the last look was, on CLOCK_MONOTONIC.
  [[nodiscard]] virtual std::uint64_t looked_at_ms() const = 0;
  /// Tasks that are not told, since they were seen to change while it was copied.
  [[nodiscard]] virtual std::uint64_t left_out() const = 0;
  /// Of some frame it is known in which line it is suspended; or there is none.
  [[nodiscard]] virtual bool knows_lines() const = 0;
};

/// Fails where no coroutine's body is known of it, saying what is missing, and where it cannot be looked at. `from`: as
/// of live_target_without_hook(), core_target_without_hook(). `whom` is to be stopped of a live one. `seen`: of other
/// looks at it, by which this one tells since when its tasks are seen as they are; null: there are none.
/// `longest`: it is stopped for no longer; nothing: as long as it takes.
[[nodiscard]] result<std::shared_ptr<hookless_target>> find_tasks(
    std::shared_ptr<target> from, stop_order::whom whom, std::shared_ptr<sightings> seen = nullptr,
    std::optional<std::chrono::milliseconds> longest = {});

}  // namespace tasks::cli
