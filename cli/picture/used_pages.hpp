#pragma once

/// Which pages of a live process hold anything that no file does.
///
///   large region ──> PAGEMAP_SCAN ──────────────> used ranges ──┐
///                └─> without: all, or none by smaps ────────────┴──> /proc/PID/pagemap ──> pages
///
/// pagemap has eight bytes for each page, used or not: gigabytes of a sanitizer's terabytes. PAGEMAP_SCAN (since Linux
/// 6.7) passes over what was never touched. Without it a large anonymous mapping of which smaps says that nothing is in
/// memory is passed over.

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "linux/proc.hpp"
#include "picture/memory_image.hpp"

namespace tasks::cli {

class used_pages {
 public:
  enum class ask { all, without_scan };
  explicit used_pages(pid_t pid, ask by = ask::all);

  /// As a page_filter.
  bool operator()(const memory_region& region, std::vector<range>& pages) const;
  /// Bytes of address space of which every page has to be asked about.
  [[nodiscard]] std::uint64_t to_ask(const std::vector<memory_region>& regions) const;

 private:
  [[nodiscard]] bool sieve(const memory_region& region, std::vector<range>& used) const;
  [[nodiscard]] bool scan(const memory_region& region, std::vector<range>& used) const;
  [[nodiscard]] bool is_empty(const memory_region& region) const;
  [[nodiscard]] bool ask_each(range of, bool shared, std::vector<range>& pages) const;

  pid_t pid_;
  descriptor pagemap_;
  mutable bool may_scan_;
  mutable bool has_read_empty_ = false;
  mutable std::vector<range> empty_;  ///< mappings of which nothing is in memory, by address
};

/// Mappings of which nothing is in memory, swapped out or in huge pages, by address: of the text of a /proc/PID/smaps.
[[nodiscard]] std::vector<range> empty_mappings(std::string_view smaps);

/// The filter for a live process.
[[nodiscard]] page_filter pages_of(pid_t pid);

}  // namespace tasks::cli
