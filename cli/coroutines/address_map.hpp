#pragma once

/// Addresses to numbers, for loops over all words of a memory.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tasks::cli {

/// By open addressing; no address is 0.
class address_map {
 public:
  void reserve(std::size_t count) {
    std::size_t size = 64;
    while (size < 2 * count) size *= 2;
    cells_.assign(size, {0, 0});
    used_ = 0;
  }
  void insert(std::uint64_t address, std::uint32_t number) {
    if (2 * (used_ + 1) > cells_.size()) grow();
    auto& its = cells_[place_of(address)];
    used_ += its.first == 0 ? 1 : 0;
    its = {address, number};
  }
  /// Null: it is not in it.
  [[nodiscard]] const std::uint32_t* find(std::uint64_t address) const noexcept {
    if (cells_.empty()) return nullptr;
    const auto& its = cells_[place_of(address)];
    return its.first != 0 ? &its.second : nullptr;
  }
  /// Calls `visit(address, number)` for each, in no order.
  template <class Visit>
  void each(Visit visit) const {
    for (const auto& [address, number] : cells_)
      if (address != 0) visit(address, number);
  }

 private:
  using cell = std::pair<std::uint64_t, std::uint32_t>;

  [[nodiscard]] std::size_t place_of(std::uint64_t address) const noexcept {
    const auto mask = cells_.size() - 1;
    auto at = static_cast<std::size_t>(address * 0x9e37'79b9'7f4a'7c15 >> 20) & mask;
    while (cells_[at].first != address && cells_[at].first != 0) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    auto before = std::move(cells_);
    reserve(std::max<std::size_t>(32, before.size()));
    for (const auto& [address, number] : before)
      if (address != 0) insert(address, number);
  }

  std::vector<cell> cells_;
  std::size_t used_ = 0;
};

/// May an address be among some? Says no to nearly all others, at once.
class address_filter {
 public:
  explicit address_filter(std::size_t count) {
    std::size_t bits = std::size_t{1} << least_bits;
    for (; bits < 16 * count; bits *= 2) --shift_;
    bits_.resize(bits / 64);
  }
  void add(std::uint64_t address) {
    const auto bit = address * 0x9e37'79b9'7f4a'7c15 >> shift_;
    bits_[bit / 64] |= std::uint64_t{1} << (bit % 64);
    low_ = std::min(low_, address);
    high_ = std::max(high_, address);
  }
  [[nodiscard]] bool operator()(std::uint64_t address) const noexcept {
    if (address < low_ || address > high_) return false;
    const auto bit = address * 0x9e37'79b9'7f4a'7c15 >> shift_;
    return (bits_[bit / 64] >> (bit % 64) & 1) != 0;
  }

 private:
  static constexpr int least_bits = 12;
  int shift_ = 64 - least_bits;
  std::uint64_t low_ = ~std::uint64_t{0}, high_ = 0;
  std::vector<std::uint64_t> bits_;
};

}  // namespace tasks::cli
