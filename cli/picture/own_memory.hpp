#pragma once

#include <cstddef>

namespace tasks::cli {

/// Memory of ours. Zeros at first.
class own_memory {
 public:
  own_memory() = default;
  /// Empty where there is not so much. `now`: its pages are made at once rather than when they are used, which takes
  /// longer than the copy itself.
  own_memory(std::size_t size, bool now);
  own_memory(own_memory&& other) noexcept;
  own_memory& operator=(own_memory&& other) noexcept;
  ~own_memory();
  /// Before it is written to: little of it will be, here and there.
  void use_small_pages() noexcept;
  [[nodiscard]] unsigned char* bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  unsigned char* bytes_ = nullptr;
  std::size_t size_ = 0;
};

/// Whole pages of such memory, which are zeros from then on and take no room until they are written to.
void give_back(unsigned char* pages, std::size_t size) noexcept;

}  // namespace tasks::cli
