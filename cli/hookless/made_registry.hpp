#pragma once

/// A registry as hooks write it, made of what was found out without one, so that whatever reads registries reads it
/// too:
///
///   base ──> root ──> registry ──> slabs: record record …      places: {file, function, line}, and their texts
///
/// Nobody has written it in the target; its addresses are some that the target does not use. Its root says that no
/// frame has a header (root::header_bytes is 0), and that it is not known since when anything is.

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "hookless/wait_search.hpp"
#include "picture/own_memory.hpp"
#include "target/roots.hpp"
#include "tasks/detail/layout.hpp"

namespace tasks::cli {

struct made_wait {
  std::uint64_t wait = 0;  ///< layout::pack_wait()
  std::uint64_t object = 0;
  std::uint64_t detail = 0;
};

struct made_task {
  std::uint64_t id = 0;
  std::uint64_t parent = 0;   ///< id of the task that waits for it; 0: none
  std::uint64_t version = 0;  ///< equal ones: it waits as it did
  layout::record_state state = layout::record_state::blocked;
  std::uint32_t thread = 0;                      ///< that runs it, as the target calls it; 0: none
  std::span<const made_wait> waits;              ///< at once; the one that matters most first
  std::span<const std::uint64_t> where, frames;  ///< as layout::entry has them, outermost first
  std::uint64_t since_ms = ~std::uint64_t{0};    ///< as layout::record has it; a time to come: not known
};

class registry_maker {
 public:
  /// Room that no mapping of the target's may be in, from the base.
  static constexpr std::uint64_t room = std::uint64_t{8} << 30;
  /// The first address in the gaps of these mappings that has so much behind it. 0: there is none.
  [[nodiscard]] static std::uint64_t find_base(const std::vector<memory_region>& regions);

  /// `pid`: as the process calls itself.
  registry_maker(std::uint64_t base, pid_t pid, std::uint64_t start_time);

  /// A value for layout::entry::where. The same for the same `key`.
  [[nodiscard]] std::uint64_t place(std::uint64_t key, const std::string& function, const std::string& file,
                                    unsigned line);
  /// Not added: there is no room for more.
  void add(const made_task& task);
  /// A thread that runs tasks, as the target calls it.
  void add_worker(std::uint32_t tid);

  struct piece {
    std::uint64_t address = 0;
    own_memory bytes;
  };
  /// What was made, by address, each in whole pages. Nothing may be added afterwards.
  [[nodiscard]] std::vector<piece> finish();
  [[nodiscard]] const root_copy& root() const noexcept { return root_; }
  /// Tasks that had no room.
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }

 private:
  /// A new record; its bytes. Null: there is no room.
  [[nodiscard]] unsigned char* take_record(std::uint64_t& address);
  [[nodiscard]] std::uint64_t text(const std::string& words);
  [[nodiscard]] std::uint64_t add_group(const made_task& task, std::uint64_t owner);
  [[nodiscard]] bool add_stack(const made_task& task, unsigned char* record, std::uint64_t owner);

  std::uint64_t base_;
  root_copy root_;
  std::vector<std::uint32_t> workers_;
  std::vector<own_memory> slabs_;
  std::uint64_t records_ = 0, lost_ = 0;
  std::vector<unsigned char> places_;
  std::unordered_map<std::uint64_t, std::uint64_t> known_places_;
  std::unordered_map<std::string, std::uint64_t> known_texts_;
};

}  // namespace tasks::cli
