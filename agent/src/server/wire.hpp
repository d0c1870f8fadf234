#pragma once

/// The wire format (proto/tasks/v1/agent.proto), encoded without libprotobuf.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "readers/locations.hpp"
#include "readers/task_times.hpp"
#include "readers/task_walk.hpp"
#include "server/process_vitals.hpp"
#include "stack_groups.hpp"

namespace tasks::wire {

inline constexpr std::uint32_t protocol_version = 1;
inline constexpr std::size_t longest_request = 65536;

enum class error_code { unknown_request = 1, newer_protocol = 2, malformed = 3, too_large = 4, busy = 5 };

struct hello {
  std::uint32_t pid;
  std::uint64_t start_time;
  std::uint64_t instance;
};

struct timing_state {
  bool on;
  std::uint64_t on_for_ns;
  std::uint64_t left_out;
  std::uint64_t ended_left_out;
  bool counter;
};

struct trailer {
  std::uint64_t shown;
  std::uint64_t total;
  bool complete;
  std::uint64_t torn;
  std::uint64_t groups_left_out;
  std::uint64_t matched;
  std::uint32_t tick_resolution_ms;
  std::optional<timing_state> timing = std::nullopt;
};

struct vitals {
  detail::walk_counts counts;
  detail::process_vitals process;
  bool all_on_channels;
  std::uint32_t tick_resolution_ms;
  std::uint64_t lost;
  std::uint64_t ended = 0, failed = 0, cancelled = 0;
};

// Each makes a whole Response with its length in front, and throws std::bad_alloc.
[[nodiscard]] std::string encode(const hello& message);
[[nodiscard]] std::string encode(error_code code, std::string_view message);
[[nodiscard]] std::string encode(const vitals& message);
[[nodiscard]] std::string encode(const trailer& message);

/// Gathers tasks or groups, and the locations that they are the first to name, into one Chunk after another.
class chunk_writer {
 public:
  /// A chunk is full from here on.
  static constexpr std::size_t full_size = 64 * 1024;

  enum class spawn_sites { told, left_out };
  explicit chunk_writer(spawn_sites sites = spawn_sites::told) noexcept : tells_sites_(sites == spawn_sites::told) {}

  /// `times` null: they were not asked for.
  void add(const detail::task_copy& task, std::uint64_t now, detail::slab_map& slabs, const detail::task_times* times);
  void add(const detail::stack_group& group, std::span<const std::uint64_t> frames, const detail::task_times* times);
  void add(const detail::ended_times& ended);
  void add(const detail::failure_copy& failure, std::uint64_t now);
  [[nodiscard]] bool full() const noexcept { return chunk_.size() + unread_.size() * usual_location >= full_size; }
  [[nodiscard]] bool empty() const noexcept { return chunk_.empty(); }
  /// The Response with what was added since the last call, with its length in front; good until the next call.
  [[nodiscard]] const std::string& take();

 private:
  static constexpr std::size_t usual_location = 512;  ///< bytes

  /// Location ids of frames, innermost first.
  void number(std::span<const std::uint64_t> frames);
  [[nodiscard]] std::uint32_t number(std::uint64_t where);
  [[nodiscard]] std::uint32_t number_path(std::uint64_t path);
  void add_unread();

  bool tells_sites_;
  detail::location_ids locations_;
  std::vector<std::uint64_t> unread_;  ///< locations that this chunk names, and does not tell of yet
  std::vector<std::uint32_t> unread_ids_;
  std::vector<std::uint32_t> numbers_;
  std::vector<detail::annotation_copy> annotations_;
  std::string chunk_;
  std::string response_;
};

struct request {
  enum class kind { unknown, vitals, stacks, timing };
  kind ask = kind::unknown;
  std::uint32_t protocol = 0;
  bool counts_only = false;
  bool grouped = false;
  detail::task_filter filter;
  bool timing = false;
  bool without_spawn_sites = false;
  bool without_process = false;
  detail::text_filter texts;
  std::uint64_t limit = 0;  ///< 0: none
  std::uint32_t lease_ms = 0;
};
/// Absent: no Request at all. Throws std::bad_alloc.
[[nodiscard]] std::optional<request> decode_request(std::string_view text);

}  // namespace tasks::wire
