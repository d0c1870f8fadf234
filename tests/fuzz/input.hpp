#pragma once

/// What libFuzzer gives to a target, as what the parsers read from: numbers, a file.

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "descriptor.hpp"

namespace tasks::fuzz {

/// What must hold. Ends the process otherwise, which libFuzzer takes for a finding.
inline void must(bool holds) {
  if (!holds) std::abort();
}

/// The bytes, from the first to the last.
class input {
 public:
  input(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  /// Of its bytes, in this machine's order; zeros for those that are missing.
  template <class T>
  [[nodiscard]] T number() {
    T value{};
    const auto part = bytes(sizeof value);
    std::memcpy(&value, part.data(), part.size());
    return value;
  }
  /// At most so many.
  [[nodiscard]] std::string_view bytes(std::size_t most) {
    const auto part = rest_.substr(0, most);
    rest_.remove_prefix(part.size());
    return part;
  }
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }
  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }

 private:
  std::string_view rest_;
};

/// A file without a name that holds them.
class file {
 public:
  explicit file(std::string_view content) : fd_(::memfd_create("input", MFD_CLOEXEC)) {
    must(fd_ && ::write(fd_.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size()));
    ::lseek(fd_.get(), 0, SEEK_SET);
  }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }

 private:
  detail::descriptor fd_;
};

}  // namespace tasks::fuzz
