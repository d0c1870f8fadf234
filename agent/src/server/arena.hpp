#pragma once

/// The memory of the agent's thread.
///
///   operator new ──> free blocks of that size ──> the rest of a chunk ──> another chunk (mmap)
///   operator new, of large blocks ──────────────> a mapping of its own; freed ones are kept for the next
///
/// Its thread may be one that libc does not know of (agent/bare_thread.hpp), while malloc(3) takes the program for
/// single-threaded and does without locks: nothing that the server's object is made of calls malloc. Here nothing is
/// locked, as only that thread allocates. What cannot be allocated ends what was being done, see attempt(), not the
/// program.

#include <cstddef>
#include <cstdint>

#include "tasks/detail/layout.hpp"

namespace tasks::detail {

class arena {
 public:
  arena() noexcept = default;
  ~arena();
  arena(const arena&) = delete;
  arena& operator=(const arena&) = delete;

  static constexpr std::size_t most = std::size_t{256} << 20;  ///< bytes mapped at the same time

  /// Aligned to 16 bytes. Null: the kernel has no more, or it would be more than `most`.
  [[nodiscard]] void* allocate(std::size_t size) noexcept;
  static void free(void* block) noexcept;
  /// What is allocated by now stays when all else is dropped.
  void keep() noexcept;
  /// Unmaps all that was allocated since keep(), freed or not.
  void drop() noexcept;
  /// Bytes mapped since keep().
  [[nodiscard]] std::size_t mapped() const noexcept { return mapped_ - kept_mapped_; }

 private:
  static constexpr std::size_t classes = 96;
  using mapping = layout::agent_mapping;
  struct header {
    arena* home;
    std::size_t size_class;
  };
  struct free_block {
    free_block* next;
  };
  static_assert(sizeof(header) == 16);

  /// Class n holds blocks of class_size(n) bytes, with their header: four classes a power of two.
  [[nodiscard]] static std::size_t class_of(std::size_t size) noexcept;
  [[nodiscard]] static std::size_t class_size(std::size_t size_class) noexcept;
  [[nodiscard]] mapping* map(std::size_t size) noexcept;
  void unmap(mapping* of) noexcept;
  void set_newest(mapping* to) noexcept;
  [[nodiscard]] header* carve(std::size_t size) noexcept;
  void give(header* block) noexcept;

  mapping* mappings_ = nullptr;  ///< as the root says
  std::size_t mapped_ = 0;
  std::size_t kept_mapped_ = 0;
  std::size_t idle_ = 0;            ///< bytes of large blocks that are free
  unsigned char* fresh_ = nullptr;  ///< of the newest chunk, what was never used
  unsigned char* fresh_end_ = nullptr;
  free_block* free_[classes] = {};
};

/// The agent's; used by operator new and delete of the server's object. Not with libc++, where these are the program's.
extern arena* own_arena;

/// Calls `what`. False: memory ran out meanwhile; of what it had begun nothing was destroyed, and all that it allocated
/// is to be dropped. Not to be nested.
bool attempt(void (*what)(void*), void* context) noexcept;
template <class What>
bool attempt(What what) noexcept {
  return attempt([](void* context) { (*static_cast<What*>(context))(); }, &what);
}

/// Back to attempt(). Of what throws in the standard library, too, since nothing can be thrown here. Not with libc++.
[[noreturn]] void give_up() noexcept;

}  // namespace tasks::detail
