#pragma once

/// Walks up copied stacks, many of them: what call frame information says of an address is read once.
///
///   address ──> CFA = register + offset, where on the stack each register was saved ──> the caller's registers, …
///
/// libdwfl reads it anew for every frame. What such a rule cannot say (code that was made at run
/// time, signal handlers, the linkage table) is left to libdwfl.

#include <array>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "linux/thread_copy.hpp"
#include "symbols/modules.hpp"

namespace tasks::cli {

class stack_walker {
 public:
  explicit stack_walker(modules& code);
  stack_walker(const stack_walker&) = delete;
  stack_walker& operator=(const stack_walker&) = delete;

  /// Of each function the address of the instruction that runs, or of the call that has not returned, innermost first.
  [[nodiscard]] std::vector<std::uint64_t> walk(const thread_copy& thread);
  /// Where on the stack the frame of each of these ends, of the last walk; of the outer ones it need not be known.
  [[nodiscard]] const std::vector<std::uint64_t>& frame_ends() const noexcept { return ends_; }
  /// Walks that were left to libdwfl.
  [[nodiscard]] std::uint64_t left_to_libdwfl() const noexcept { return left_; }

 private:
  /// By DWARF number, up to the highest of what a function saves and what its frame is found by.
#if defined(__aarch64__)
  static constexpr unsigned registers = 32;  // x0 to x30, which is the return address, and the stack pointer
#else
  static constexpr unsigned registers = 17;  // the last is the return address
#endif
  using values = std::array<std::uint64_t, registers>;
  struct rule {
    bool known = false;
    bool ends = false;     ///< there is no caller
    bool is_leaf = false;  ///< aarch64: the return address is in its register, as in a function that has called nobody
    unsigned cfa_register = 0;
    std::int64_t cfa_offset = 0;
    std::uint64_t saved = 0;  ///< bit n: register n was saved, at the CFA and so many bytes
    std::array<std::int64_t, registers> at{};
  };

  [[nodiscard]] rule find_rule(std::uint64_t address);
  [[nodiscard]] bool walk_by_rules(const thread_copy& thread, std::vector<std::uint64_t>& found);

  modules& code_;
  std::unordered_map<std::uint64_t, rule> rules_;
  std::vector<thread_copy> attached_;  ///< the one that libdwfl walks
  bool is_attached_ = false;
  std::vector<std::uint64_t> ends_;
  std::uint64_t left_ = 0;
};

}  // namespace tasks::cli
