#pragma once

/// Which processes run code that has coroutines, as far as a look at their files' symbol tables can tell: for many
/// processes at once, of which most have none.

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace tasks::cli {

/// What a file tells of coroutines. None, too: it is stripped, or may not be read.
enum class told_coroutines { none, by_symbols, by_debug_information };

class coroutine_files {
 public:
  /// Of the first of its files that tells of any. Each file is read once, however many processes it is mapped in.
  [[nodiscard]] told_coroutines in(pid_t pid);

 private:
  /// Device as in /proc/PID/maps, and inode.
  std::map<std::pair<std::string, std::uint64_t>, told_coroutines> files_;
};

/// Has this ELF file symbols of coroutines' bodies, as compilers name them? See coroutines/bodies.hpp.
[[nodiscard]] told_coroutines coroutines_of(int fd);

}  // namespace tasks::cli
