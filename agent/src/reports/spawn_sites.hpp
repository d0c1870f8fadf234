#pragma once

/// Where tasks were spawned, as far as a process can tell of itself.

#include <cstdint>
#include <string>
#include <unordered_map>

#include "reports/frame_names.hpp"

namespace tasks::detail {

struct spawn_site {
  std::string function;   ///< empty: not known
  std::string compilers;  ///< likewise, as the compiler spells it
  std::string line;       ///< file:line of the spawner's last await before; empty: not known
  bool exact = false;     ///< it is that of the spawn itself
};

/// Remembers what it has read.
class spawn_sites {
 public:
  struct code_name {
    std::string function;
    bool plumbing;
    bool lends_thread;
  };

  /// `names` must outlive it.
  explicit spawn_sites(frame_names& names) : names_(&names) {}

  /// Of a record's spawn_path, spawn_where and spawn_outer: the first function that is not Asio's, and the last await
  /// of the task that did it. Throws std::bad_alloc, as below.
  [[nodiscard]] spawn_site find(std::uint64_t path, std::uint64_t where, std::uint64_t outer);
  /// The function at a code address.
  [[nodiscard]] const code_name& symbol(std::uint64_t code);

 private:
  frame_names* names_;
  std::unordered_map<std::uint64_t, code_name> symbols_;  ///< by address
};

}  // namespace tasks::detail
