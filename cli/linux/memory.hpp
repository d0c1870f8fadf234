#pragma once

/// A target's memory, read from outside: of a live process, or what a core file holds of a dead one. Addresses are the
/// target's; nothing here is ever written, and reading what is not there is no error but a short answer.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace tasks::cli {

/// [begin, end), in the target.
struct range {
  std::uint64_t begin = 0, end = 0;
  [[nodiscard]] bool contains(std::uint64_t address) const noexcept { return address >= begin && address < end; }
  bool operator==(const range&) const = default;
};

/// In bytes, the smallest there is. The kernel's own are larger on some machines: kernel_page_size().
inline constexpr std::uint64_t page_size = 4096;
/// What an address has of a word: some libraries keep flags in the bits above.
inline constexpr std::uint64_t address_bits = (std::uint64_t{1} << 48) - 1;

/// A mapping, as in /proc/PID/maps or a core's headers.
struct memory_region {
  std::uint64_t begin = 0, end = 0;
  bool readable = false, writable = false, executable = false, shared = false;
  std::uint64_t offset = 0;  ///< in the file
  std::string device;        ///< as /proc/PID/maps prints it; empty in a core
  std::uint64_t inode = 0;
  std::string path;  ///< or "[heap]" and the like; empty: anonymous
};

class memory {
 public:
  virtual ~memory() = default;

  /// Copies what can be read from `address` on, at most `size` bytes; how many that were.
  virtual std::size_t read(std::uint64_t address, void* to, std::size_t size) const = 0;
  /// The word at each address, in no order; 0 where there is none. Of a live process: in few system calls.
  virtual void read_words(std::span<const std::uint64_t> addresses, std::span<std::uint64_t> words) const;
  /// By address. Of a live process: as of the first call.
  [[nodiscard]] virtual const std::vector<memory_region>& regions() const = 0;
  /// Adds where all of a region lies that is not zeros. False: not known.
  [[nodiscard]] virtual bool find_used(const memory_region&, std::vector<range>&) const { return false; }
  /// What of a live process's is in memory or swapped out, as the kernel counts.
  [[nodiscard]] virtual std::optional<std::uint64_t> resident_bytes() const { return std::nullopt; }
  /// Nothing changes any more.
  [[nodiscard]] virtual bool is_still() const noexcept = 0;
  /// errno of the last read that got nothing; 0: none did.
  [[nodiscard]] virtual int last_error() const noexcept = 0;

  template <class T>
  [[nodiscard]] std::optional<T> get(std::uint64_t address) const {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    if (read(address, &value, sizeof value) != sizeof value) return std::nullopt;
    return value;
  }
  /// The zero-terminated string at `address`, cut after `longest` bytes or where memory ends; made valid UTF-8.
  [[nodiscard]] std::string string_at(std::uint64_t address, std::size_t longest = 4096) const;
};

/// Of a live process, with process_vm_readv(2). `pid` in our pid namespace.
[[nodiscard]] std::unique_ptr<memory> process_memory(pid_t pid);

/// Parses /proc/PID/maps.
[[nodiscard]] std::vector<memory_region> parse_maps(std::string_view text);

}  // namespace tasks::cli
