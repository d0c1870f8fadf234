#pragma once

/// How much of the room in one of Asio's polymorphic executors is in use, by its table of functions, of which there is
/// one for each type of executor:
///
///   any_io_executor {object_, object_fns_ ──> object_fns_table<io_context::basic_executor_type<…>>, …}

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "symbols/modules.hpp"

namespace tasks::cli {

class executor_tables {
 public:
  /// Must outlive it.
  explicit executor_tables(modules& code) : code_(code) {}

  /// In bytes. Nothing: it is none of those that are known. Looked up once.
  [[nodiscard]] std::optional<std::uint64_t> room_used(std::uint64_t table);

 private:
  modules& code_;
  std::unordered_map<std::uint64_t, std::optional<std::uint64_t>> known_;
};

}  // namespace tasks::cli
