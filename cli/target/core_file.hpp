#pragma once

/// A core file, made by the kernel (core(5)) or by gdb's gcore, compressed or not: the memory of a process, and its
/// threads, at the moment of its death. Read with elfutils' libelf and libdwfl.

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
  /// `word`: a file; else a process id or a program's name, of which the newest core that systemd has stored is meant,
  /// see find_core(). `executable`: the one that dumped the core; nothing: where the core says that it was.
  static result<std::shared_ptr<core_file>> open(const std::string& word, const std::optional<std::string>& executable);
  ~core_file();
  core_file(const core_file&) = delete;
  core_file& operator=(const core_file&) = delete;
  /// What is missing, so that nothing can be proven: memory of a core that is cut off, or a mapping of a file, as gdb
  /// leaves out those that are shared; empty: nothing is.
  [[nodiscard]] std::string what_is_left_out() const;

  /// As the user named it.
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
  void doubt_what_is_cut_off();
  void doubt_files(const std::optional<std::string>& executable);
  result<void> check_executable(const std::string& executable) const;
  [[nodiscard]] std::optional<std::string> executable_that_ran() const;
  [[nodiscard]] std::size_t read_from_object(std::uint64_t address, void* to, std::size_t size) const;
  /// The build id in the first page of an object, if the core itself has that; empty: it does not tell.
  [[nodiscard]] std::string build_id_in_core(std::uint64_t start) const;

  struct segment {
    std::uint64_t begin, end;  ///< in memory
    std::uint64_t in_file;     ///< bytes of it that the core holds
    std::uint64_t offset;
    std::uint64_t cut_off;  ///< bytes of it that the core should hold, and does not
  };

  std::string path_;
  descriptor fd_;
  Elf* elf_ = nullptr;
  std::unique_ptr<modules> code_;
  std::vector<segment> segments_;  ///< by address
  std::vector<memory_region> regions_;
  std::vector<pid_t> tids_;
  std::vector<std::string> doubts_;
  std::string damage_;           ///< why not all of it could be unpacked; empty: it could
  std::int64_t written_ns_ = 0;  ///< when its file was, since the epoch; 0: not known
  pid_t pid_ = 0;
  bool truncated_ = false;
};

/// Each note of a core, such as NT_PRSTATUS; see core(5) and <elf.h>.
void each_core_note(Elf* core, const std::function<void(const note_entry&)>& visit);

/// A mapping of a file, as NT_FILE tells of it: [begin, end) of memory. `offset`: in the file, in bytes.
struct mapped_file {
  std::uint64_t begin = 0, end = 0, offset = 0;
  std::string name;
};
/// By address. None: the core does not tell.
[[nodiscard]] std::vector<mapped_file> mapped_files(Elf* core);

/// Of an ELF file, that of the GNU linkers; empty: there is none.
[[nodiscard]] std::string build_id_of(int fd);

inline constexpr std::uint64_t core_size_unknown = ~std::uint64_t{0};
/// How many bytes of a core its program headers speak of, by its first ones: what is behind them is nothing of its
/// process's. Of what is no core: all of these, or as many as a header has. core_size_unknown where it has more headers
/// than these.
[[nodiscard]] std::uint64_t core_size(std::string_view first_bytes);

}  // namespace tasks::cli
