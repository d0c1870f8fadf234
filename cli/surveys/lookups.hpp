#pragma once

/// Names that Asio looks up, on threads of its own: which are being looked up, which wait for their turn, and for whom.
///
///   tasks that wait for a name ──> resolvers ──> service ──> queue of lookups ──┐
///   threads ──> who runs the service's scheduler ──> the lookup that each does ──┴──> a look later still so
///
/// Nothing is stopped.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "target/target.hpp"

namespace tasks::cli {

struct lookup {
  std::string host, service;  ///< as they were asked for; one may be empty
  bool of_address = false;    ///< they are an address, whose name is looked up
  std::uint64_t task = 0;     ///< that waits for it; 0: none, or it is not known
  std::uint64_t resumes = 0;  ///< of that task
  std::uint64_t age_ms = 0;   ///< of that task's wait, as agents tell it
  std::uint32_t tid = 0;      ///< the thread that does it, in our pid namespace; 0: it is queued
  /// Lookups that come before it, those that are being done too. Nothing: not known.
  std::optional<std::size_t> before;
  std::size_t resolver = 0;  ///< its place in lookup_survey::resolvers
};

/// One of Asio's own threads for lookups.
struct resolver_thread {
  std::uint32_t tid = 0;  ///< in our pid namespace
  bool idle = false;      ///< it waits for a lookup
  std::size_t resolver = 0;
};

/// What looks up for one io_context.
struct resolver_queue {
  /// Lookups, without those that are being done; nothing: they changed meanwhile.
  std::optional<std::size_t> queued;
};

struct lookup_survey {
  std::vector<lookup> lookups;  ///< of each resolver those that are being done first, then those that wait, in order
  std::vector<resolver_thread> threads;
  std::vector<resolver_queue> resolvers;
};

/// Empty where its memory cannot be read, and of a process that has had too many tasks (see crowds.hpp). Where no two
/// looks agree, only which threads look up.
[[nodiscard]] lookup_survey survey_lookups(target& from);
/// The same, and nothing where no task waits for a name: who asks for one task's wait needs no other.
[[nodiscard]] lookup_survey find_lookups(target& from);

/// Null: that task waits for none that is known, or has gone on since.
[[nodiscard]] const lookup* find(const lookup_survey& in, std::uint64_t task, std::uint64_t resumes);
/// The one that a thread does; null: none is known.
[[nodiscard]] const lookup* done_by(const lookup_survey& in, std::uint32_t tid);
/// The first that is being done where another waits for its turn; null: none is known.
[[nodiscard]] const lookup* first_before(const lookup_survey& in, const lookup& queued);

/// "db.internal:5432", "the name of 10.0.0.1:443". From the target: fit for a terminal.
[[nodiscard]] std::string name_of(const lookup& one);
/// A sentence for each resolver that others have waited for: "lookups: 8 are queued behind db.internal:5432, for which
/// task 2 has waited 6s". `resolution_ms`: how old ages may be.
[[nodiscard]] std::vector<std::string> findings_of(const lookup_survey& in, std::uint32_t resolution_ms);

}  // namespace tasks::cli
