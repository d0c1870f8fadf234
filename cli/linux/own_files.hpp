#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"

namespace tasks::cli {

struct own_file {
  std::string name;  ///< without folders
  std::string bytes;
};

/// An ELF file without what only debuggers, linkers and readers of symbols need: what is behind its last segment (of
/// this executable three quarters). Anything but a little-endian one of 64 bits stays as it is.
[[nodiscard]] std::string without_sections(std::string bytes);

/// This executable, called "tasks", and behind it the libraries that it has loaded: all but libc's own, without which
/// no system is, and which belong to its kernel and loader. Without their sections.
[[nodiscard]] result<std::vector<own_file>> own_files();

}  // namespace tasks::cli
