#pragma once

/// Asio's lookups of names as they lie in memory. A context looks up on threads of its own, in the order in which it
/// was asked; those run a scheduler that nobody else has:
///
///   service {…, the context's scheduler, mutex, private scheduler or pointer to it, …}
///   private scheduler ──> queue ──> operation ──> operation ──> …    and one that is being done, on a thread's stack
///   operation {next, function, result, error, token, query {hints, host, service} or endpoint, scheduler, handler, …}
///   resolver {no object, control block of its token}
///
/// See asio/detail/resolver_service_base.hpp, of Asio since 1.32 resolver_thread_pool.hpp, and resolve_query_op.hpp:
/// alike in Asio 1.22 to 1.38 and Boost's, but for the size of an error. What does not fit is not known.

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "linux/memory.hpp"
#include "linux/registers.hpp"
#include "proof/asio_schedulers.hpp"

namespace tasks::cli {

/// What looks up for a context.
struct resolver_service {
  std::uint64_t of_context = 0;  ///< the context's scheduler, which gets what was found
  std::uint64_t scheduler = 0;   ///< its own
};

/// A lookup that somebody waits for.
struct lookup_operation {
  std::uint64_t address = 0;
  std::uint64_t function = 0;    ///< that completes it
  std::uint64_t token = 0;       ///< control block of its resolver's token, as long as nobody cancels
  std::uint64_t to_handler = 0;  ///< where that begins, from `address`
  std::string host, service;     ///< as they were asked for
  bool of_address = false;       ///< host and service are an address, whose name is looked up

  bool operator==(const lookup_operation&) const = default;
};

class asio_resolvers {
 public:
  /// Both must outlive it.
  asio_resolvers(const memory& from, asio_schedulers& schedulers) : from_(from), schedulers_(schedulers) {}

  /// Those of the context that has this scheduler: one of each protocol, or one of all.
  [[nodiscard]] std::vector<resolver_service> beside(std::uint64_t scheduler);
  /// The control block of a resolver's token; 0: that is no resolver.
  [[nodiscard]] std::uint64_t token_of(std::uint64_t resolver);
  /// Nothing: there is none.
  [[nodiscard]] std::optional<lookup_operation> operation_at(std::uint64_t address, const resolver_service& of) const;
  /// Those, in no queue and not in `queued`, to which the used part of a thread's stack or its registers point.
  [[nodiscard]] std::vector<lookup_operation> on_stack(const thread_registers& thread, const resolver_service& of,
                                                       const std::unordered_set<std::uint64_t>& queued) const;

 private:
  [[nodiscard]] std::uint64_t word(std::uint64_t at) const { return from_.get<std::uint64_t>(at).value_or(0); }
  [[nodiscard]] std::optional<std::string> text_at(std::uint64_t address) const;

  const memory& from_;
  asio_schedulers& schedulers_;
};

}  // namespace tasks::cli
