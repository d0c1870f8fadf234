#pragma once

/// Which addresses are those of records: every pointer in a record is checked here before it is followed, because it
/// may be read while its record gets another owner.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tasks/detail/layout.hpp"

namespace tasks::detail {

class slab_map {
 public:
  /// Knows every registry that this object was told of, see make_registries_known(). Throws std::bad_alloc, here and
  /// below.
  slab_map();

  [[nodiscard]] std::span<layout::registry* const> registries() const noexcept { return registries_; }

  /// Is this the address of a record that was handed out? Slabs mapped since the last call are found too.
  [[nodiscard]] bool holds(std::uint64_t address);

  /// The record at `address` read as another kind of record. Precondition: holds(address).
  template <class Record>
  [[nodiscard]] static const Record& as(std::uint64_t address) noexcept {
    static_assert(sizeof(Record) == layout::record_size);
    return *reinterpret_cast<const Record*>(address);
  }

 private:
  struct slab {
    std::uint64_t base;
    const layout::registry* home;
    std::uint64_t first;  ///< index of its first record
  };

  void refresh();
  [[nodiscard]] bool find(std::uint64_t address) const noexcept;

  std::span<layout::registry* const> registries_;
  std::uint64_t used_ = 0;   ///< records handed out when `slabs_` was made, in all registries
  std::vector<slab> slabs_;  ///< by address
};

}  // namespace tasks::detail
