#pragma once

/// Where frames await, each told once an answer.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace tasks::detail {

/// What an entry::where stands for, read as an outsider would.
struct location {
  std::string function;  ///< as the compiler spelled it; empty where `address` is set, or the object has gone
  std::string file;
  std::uint32_t line = 0;
  std::uint64_t address = 0;  ///< of code, for a frame that has not awaited yet
};
/// Of each of them, in their order: a few system calls for 64 of them. Precondition: none is 0. Throws std::bad_alloc.
[[nodiscard]] std::vector<location> read_locations(std::span<const std::uint64_t> where);
[[nodiscard]] location read_location(std::uint64_t where);

/// The return addresses of a record::spawn_path, that of the innermost call first. Throws std::bad_alloc.
[[nodiscard]] std::vector<std::uint64_t> read_own_call_path(std::uint64_t path);

/// Numbers locations and spawn paths from 1, in the order in which they are met.
class location_ids {
 public:
  struct found {
    std::uint32_t id;
    bool first_time;
  };
  /// Id 0 stands for `where` 0. Throws std::bad_alloc.
  [[nodiscard]] found find(std::uint64_t where);

 private:
  std::unordered_map<std::uint64_t, std::uint32_t> ids_;
};

}  // namespace tasks::detail
