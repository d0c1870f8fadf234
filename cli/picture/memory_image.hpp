#pragma once

/// A copy of a target's memory as it was at one moment.
///
///   regions ──merged──> areas ──> runs of pages that hold anything of the target's own, each copied
///
/// Pages that were never touched read as zeros and cost nothing. Pages of private mappings that still are what the file
/// says are left out: a file cannot know where the heap is, unless it was written since. So is what AddressSanitizer's
/// shadow says of anything else.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "linux/memory.hpp"
#include "picture/asan_shadow.hpp"
#include "picture/own_memory.hpp"

namespace tasks::cli {

/// A list in a target's memory that has more elements is taken for damaged.
inline constexpr std::size_t longest_list = 100'000'000;

/// Neighbouring regions of one mapping.
struct memory_area : range {
  std::string path;  ///< as in memory_region
  bool writable = false, shared = false;
  range copied;                    ///< from the first to the last page that was copied; empty: none was
  unsigned char* bytes = nullptr;  ///< of `copied`
  bool readable = true;

  [[nodiscard]] bool is_anonymous() const noexcept {
    return path.empty() || path == "[heap]" || path.starts_with("[anon");
  }
  /// Of an executable or a shared library.
  [[nodiscard]] bool is_file() const noexcept { return path.starts_with('/') && !shared; }
};

/// Half-open ranges that may overlap: their union, sorted.
void unite(std::vector<range>& ranges);

/// Which pages of a region hold anything that its file does not. False: not known.
using page_filter = std::function<bool(const memory_region&, std::vector<range>&)>;

/// How many bytes from the begin of a private mapping on are of a file that may hold what the process wrote there.
using written_part = std::function<std::uint64_t(const memory_region&)>;

class memory_image final : public memory {
 public:
  /// `from` must stand still meanwhile. Without a filter everything is copied that can be read. `room`: where the copy
  /// goes as long as there is some left. Without `written` no file does.
  memory_image(const memory& from, const page_filter& pages, own_memory room = {}, const written_part& written = {});

  std::size_t read(std::uint64_t address, void* to, std::size_t size) const override;
  [[nodiscard]] const std::vector<memory_region>& regions() const override { return regions_; }
  /// Of anonymous memory.
  [[nodiscard]] bool find_used(const memory_region& region, std::vector<range>& used) const override;
  [[nodiscard]] bool is_still() const noexcept override { return true; }
  [[nodiscard]] int last_error() const noexcept override { return 0; }

  [[nodiscard]] const std::vector<memory_area>& areas() const noexcept { return areas_; }
  /// Null: outside of all areas.
  [[nodiscard]] const memory_area* area_of(std::uint64_t address) const noexcept;
  /// What was copied, by address; none reaches over the end of an area.
  [[nodiscard]] const std::vector<range>& runs() const noexcept { return runs_; }
  /// The copy of [address, address + size), which must lie in one area's `copied`, else null.
  [[nodiscard]] const unsigned char* at(std::uint64_t address, std::size_t size) const noexcept;
  /// An aligned word; 0 where nothing was copied.
  [[nodiscard]] std::uint64_t word(std::uint64_t address) const noexcept;
  /// It will be read soon: most of a large copy is in no cache.
  void prefetch(std::uint64_t address) const noexcept;
  /// Makes an aligned word of the copy zero, but for these bits, so that nobody follows it.
  void erase(std::uint64_t address, std::uint64_t kept = 0) noexcept;
  /// Likewise each that lies wholly in this.
  void erase(range whole) noexcept;
  /// What is erased from now on is still there for read_original(): 16 bytes a word that was not zero.
  void remember_erased() noexcept { remembers_ = true; }
  /// As read(), of what was copied.
  std::size_t read_original(std::uint64_t address, void* to, std::size_t size) const;
  /// Adds whole pages that the target does not have, between its areas. False: they are not between them.
  bool add(std::uint64_t address, own_memory pages, const std::string& name);
  /// Gives back the room of whole pages that nobody will ask about: they are zeros from then on.
  void forget(range pages) noexcept;
  /// Gives back what is left of the room that the copy was given.
  void forget_spare_room() noexcept;

  /// Of what was copied. It is in no area's copy and in no run.
  [[nodiscard]] const asan_shadow& shadow() const noexcept { return shadow_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  /// What should have been copied and could not be.
  [[nodiscard]] const std::vector<range>& unreadable() const noexcept { return unreadable_; }

 private:
  [[nodiscard]] unsigned char* take_room(std::size_t size, std::uint64_t used);
  void copy(const memory& from, memory_area& area, const std::vector<range>& pages, bool must);

  std::vector<memory_region> regions_;
  std::vector<memory_area> areas_;
  std::vector<range> runs_, unreadable_;
  own_memory room_;
  std::size_t room_used_ = 0;
  std::vector<own_memory> more_room_;
  asan_shadow shadow_;
  std::uint64_t bytes_ = 0;
  struct erased_word {
    std::uint64_t address, word;
  };
  bool remembers_ = false;
  mutable std::vector<erased_word> erased_;  ///< of one address the first is what was copied
  mutable std::size_t sorted_ = 0;           ///< so many of them are, by address, once each
};

}  // namespace tasks::cli
