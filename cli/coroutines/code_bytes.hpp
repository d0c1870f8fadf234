#pragma once

/// Instructions and constants of a target, from its memory or else from its files: a core need not hold them.

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "linux/memory.hpp"
#include "symbols/modules.hpp"

namespace tasks::cli {

class code_bytes {
 public:
  /// Both must outlive it.
  code_bytes(const memory& from, modules& code) : memory_(from), code_(code) {}

  /// Copies what is known from `address` on, at most `size` bytes; how many that were.
  std::size_t read(std::uint64_t address, void* to, std::size_t size) const;
  struct extent {
    std::size_t known = 0;     ///< how many bytes were copied
    bool is_constant = false;  ///< no process may have changed them
  };
  /// Likewise, for one who says what it takes of those that are not constant: see depends_on(). All within a page.
  extent read_any(std::uint64_t address, void* to, std::size_t size) const;
  /// It lies in memory that the target may write.
  [[nodiscard]] bool may_change(std::uint64_t address) const;
  /// All that was read is what the files of the target have there, and no process may have changed it; but for words().
  /// Of modules of which nothing is kept nobody knows.
  [[nodiscard]] bool were_all_of_files() const noexcept { return all_of_files_; }
  /// What was found out follows from these bytes, too, which a process has of its own.
  void depends_on(std::uint64_t address, const unsigned char* bytes, std::size_t size) const;
  /// By address and size, such words as the global offset table's. None is larger than eight bytes.
  [[nodiscard]] const auto& words() const noexcept { return words_; }

 private:
  static constexpr std::size_t most_words = 1000;

  std::size_t read_file(std::uint64_t address, unsigned char* to, std::size_t size, bool only_constant = false) const;
  /// No process may have changed them; `all_of_files_` then says whether they are what the file has.
  [[nodiscard]] bool is_constant(std::uint64_t address, const unsigned char* bytes, std::size_t size) const;

  const memory& memory_;
  modules& code_;
  mutable bool all_of_files_ = true;
  mutable std::map<std::pair<std::uint64_t, std::size_t>, std::uint64_t> words_;
};

}  // namespace tasks::cli
