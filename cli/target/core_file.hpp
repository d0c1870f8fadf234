#pragma once

/// A core file, made by the kernel (core(5)) or by gdb's gcore: the memory of a process, and its threads, at the moment
/// of its death. Read with elfutils' libelf and libdwfl.

#include <elfutils/libdwfl.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "linux/elf_note.hpp"
#include "linux/memory.hpp"
#include "linux/proc.hpp"
#include "symbols/modules.hpp"

namespace tasks::cli {

class core_file {
 public:
  /// `executable`: the one that dumped the core; nothing: where the core says that it was.
  static result<std::shared_ptr<core_file>> open(const std::string& path, const std::optional<std::string>& executable);
  ~core_file();
  core_file(const core_file&) = delete;
  /// Which mapping of a file is missing, as gdb leaves out those that are shared; empty: none.
  [[nodiscard]] std::string what_is_left_out() const;
  core_file& operator=(const core_file&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// As the process called itself.
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] const std::vector<pid_t>& tids() const noexcept { return tids_; }
  /// Modules, and the state of every thread.
  [[nodiscard]] modules& code() const noexcept { return *code_; }
  /// The file ends before what its headers promise: the disk was full, or it was copied in part.
  [[nodiscard]] bool is_truncated() const noexcept { return truncated_; }
  /// What makes answers poorer, in words; empty: nothing does.
  [[nodiscard]] const std::vector<std::string>& doubts() const noexcept { return doubts_; }

  [[nodiscard]] Elf* elf() const noexcept { return elf_; }
  [[nodiscard]] std::size_t read(std::uint64_t address, void* to, std::size_t size) const;
  /// What is mapped from a file has its path; the main thread's stack is "[stack]".
  [[nodiscard]] const std::vector<memory_region>& regions() const noexcept { return regions_; }
  /// Where objects (the executable, libraries) begin in memory.
  [[nodiscard]] std::vector<std::uint64_t> objects() const;

 private:
  core_file() = default;
  result<void> read_headers();
  result<void> attach(const std::optional<std::string>& executable);
  void add_regions_of_objects();
  void name_regions();
  result<void> check_executable(const std::string& executable) const;
  [[nodiscard]] std::size_t read_from_object(std::uint64_t address, void* to, std::size_t size) const;

  struct segment {
    std::uint64_t begin, end;  ///< in memory
    std::uint64_t in_file;     ///< bytes of it that the core holds
    std::uint64_t offset;
  };

  std::string path_;
  descriptor fd_;
  Elf* elf_ = nullptr;
  std::unique_ptr<modules> code_;
  std::vector<segment> segments_;  ///< by address
  std::vector<memory_region> regions_;
  std::vector<pid_t> tids_;
  std::vector<std::string> doubts_;
  pid_t pid_ = 0;
  bool truncated_ = false;
};

/// Each note of a core, such as NT_PRSTATUS; see core(5) and <elf.h>.
void each_core_note(Elf* core, const std::function<void(const note_entry&)>& visit);

}  // namespace tasks::cli
