#pragma once

/// The channels of a target that tasks wait on, and who else points to them.
///
///   snapshot ──tasks that wait on a channel──> by channel ──> by stack
///   memory   ──> closed?                         proof ──> held, and by whom; or by nothing alive

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "linux/memory.hpp"
#include "proof/proof.hpp"
#include "sources/snapshot_source.hpp"
#include "surveys/resolver.hpp"
#include "surveys/selection.hpp"

namespace tasks::cli {

/// Tasks that wait on one channel at the same place.
struct channel_waiters {
  v1::Group group;
  std::vector<v1::Task> named;  ///< of its `ids` those that have a name or labels, with nothing else
  resolved meaning;
};

struct surveyed_channel {
  enum class references {
    unknown,        ///< `held_by` says why; empty: nobody looked
    nothing_alive,  ///< proven: its waiters will never wake
    held            ///< by `held_by`
  };

  std::uint64_t address = 0;
  std::optional<std::uint64_t> capacity;  ///< in messages
  std::optional<bool> closed;             ///< nothing: its memory could not be read
  std::uint64_t senders = 0, receivers = 0;
  std::optional<std::uint64_t> oldest_ms;  ///< nothing: not known
  std::optional<std::uint64_t> seen_ms;    ///< where that is not known, for how long looks have shown one to wait
  std::vector<channel_waiters> waiters;    ///< the largest group first
  references who = references::unknown;
  std::string held_by;
  std::string held_words;  ///< of held ones, as the rest of a sentence
};

struct channel_survey {
  std::vector<surveyed_channel> channels;  ///< most waiters first
  std::size_t left_out = 0;                ///< channels on which none of those waits that were asked for
  v1::Trailer trailer;
  std::vector<std::string> notes;  ///< what is missing and why, a sentence each
  double stopped_ms = 0;
};

struct channel_options {
  const selection* chosen = nullptr;  ///< channels that one of these tasks waits on; null: all
  bool look = true;                   ///< for who else points to them: memory is copied, if any task waits on a channel
  proof_stop stop = proof_stop::when_needed;
  const result<proof_result>* made = nullptr;  ///< a proof of the same moment, where there is one already
};

[[nodiscard]] constexpr bool is_channel(v1::Wait::Kind kind) {
  return kind == v1::Wait::CHANNEL_SEND || kind == v1::Wait::CHANNEL_RECEIVE;
}

/// Nothing: there is no such channel any more, or it may not be read.
[[nodiscard]] std::optional<bool> read_closed(const memory& from, std::uint64_t channel,
                                              std::optional<std::uint64_t> capacity);

/// `names` resolves the survey's frames and must outlive them.
[[nodiscard]] result<channel_survey> survey_channels(snapshot_source& source, resolver& names,
                                                     const channel_options& options);

}  // namespace tasks::cli
