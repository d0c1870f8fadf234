#pragma once

/// Code addresses of a target, resolved outside it.

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tasks::cli {

class modules;

/// One function at an address; `function` as the symbol table or debug information spells it.
struct code_location {
  std::string function;
  std::string file;  ///< empty without debug information
  unsigned line = 0;
};

class symbolizer {
 public:
  virtual ~symbolizer() = default;
  /// The functions that the instruction at `address` belongs to, innermost inlined one first; empty: not known.
  virtual std::vector<code_location> resolve(std::uint64_t address) = 0;
};

/// `code` must outlive it.
[[nodiscard]] std::unique_ptr<symbolizer> make_symbolizer(modules& code);
/// Reads the debug information of a live process's files, at the first address that is asked for.
[[nodiscard]] std::unique_ptr<symbolizer> make_symbolizer(pid_t pid);

}  // namespace tasks::cli
