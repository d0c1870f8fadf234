#pragma once

/// What Asio keeps of operations that are awaited together (`a || b`, experimental::make_parallel_group): one object
/// with the results of those that are over. Found by the symbols of its class, and read by debug information:
///
///   virtual table ──> _M_dispose() of the same class ──> its `this` ──> members

#include <cstdint>
#include <vector>

#include "symbols/modules.hpp"
#include "symbols/type_parts.hpp"

namespace tasks::cli {

/// Offsets are from the begin of the allocation that std::allocate_shared() has made, which begins with `table`.
struct group_state_layout {
  struct result {
    std::uint64_t value = 0, size = 0;  ///< of the union that has it
    std::uint64_t has_value = 0;        ///< a bool
  };
  std::uint64_t table = 0;
  std::uint64_t size = 0;                        ///< of all
  std::uint64_t owners = 0;                      ///< how many std::shared_ptr lead to it, an int
  std::uint64_t completed = 0, outstanding = 0;  ///< std::atomic<unsigned>
  std::vector<result> results;
  type_part order;  ///< of a word for each that is over: which it was; empty: not known
  std::vector<executor_part> executors;
  std::vector<padded_word> padded;
};

/// Sorted by `table`. Without those of which debug information does not tell every member.
[[nodiscard]] std::vector<group_state_layout> group_states_of(modules& code);

}  // namespace tasks::cli
