#pragma once

/// The executable and the shared libraries of a target, as libdwfl knows them:
///
///   modules ──> Dwfl ──> symbolizer    names of addresses
///                     ├────> native_stacks  call stacks of threads
///                     └────> code_cache     what was learnt in earlier looks at the same files
///
/// One of each target is enough, and shared: opening a file's debug information is what costs.

#include <elfutils/libdwfl.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace tasks::cli {

class code_cache;
class kept_code;

class modules {
 public:
  /// Of a live process, by the number of any thread of it that lives. Its files are looked up when the Dwfl is first
  /// asked for, and opened as addresses need them.
  explicit modules(pid_t thread);
  /// Takes a Dwfl that knows its modules already, such as a core file's. Not null.
  explicit modules(Dwfl* dwfl);
  ~modules();
  modules(const modules&) = delete;
  modules& operator=(const modules&) = delete;

  /// Null: the process is gone, or may not be looked at.
  [[nodiscard]] Dwfl* dwfl();

  /// From now on what is learnt of the code is kept for the next look at the same files. `in_memory`: the build id of
  /// the object that begins at an address, as the target's memory has it; it is called as long as this lives.
  void keep(std::function<std::string(std::uint64_t begin)> in_memory);
  /// What is kept of the module there. Null: nothing is.
  [[nodiscard]] kept_code* kept_at(std::uint64_t address);
  [[nodiscard]] kept_code* kept_of(Dwfl_Module* module);
  /// Writes what is new. So does the destructor.
  void save() noexcept;

 private:
  void open();

  pid_t pid_ = 0;
  Dwfl* dwfl_ = nullptr;
  bool is_open_ = false;
  std::unique_ptr<code_cache> cache_;
};

}  // namespace tasks::cli
