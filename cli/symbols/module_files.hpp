#pragma once

/// The files that libdwfl opens for a module, and how one is told from any other. Callbacks of libdwfl's note them down
/// in what it keeps for each module.

#include <elfutils/libdwfl.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "descriptor.hpp"

namespace tasks::cli {

/// For reading. Nothing, with errno: there is no file, or one that is not regular. A target may name whatever it likes,
/// and who opens a FIFO waits until somebody writes.
[[nodiscard]] detail::descriptor open_regular(const char* path);

/// Equal: the same file, unchanged. See stat(2).
struct file_identity {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;  ///< nobody can set it
  bool operator==(const file_identity&) const = default;
};

/// Nothing: it is no regular file, one whose server says what it likes (FUSE, which any user may mount), or one that
/// has changed just now, so that it may change once more and have the same times.
[[nodiscard]] std::optional<file_identity> identity_of(int fd);

struct module_files {
  pid_t pid = 0;                        ///< of a live process
  std::optional<file_identity> opened;  ///< the module's file; nothing: not yet, or not by a callback
  std::optional<file_identity> debug;   ///< its debug file, likewise
  bool debug_is_unknown = false;        ///< it has one that is not told apart
};

/// `data`: libdwfl's argument of callbacks. Made where there is none yet.
[[nodiscard]] module_files& files_of(void** data);
/// Null: no callback was asked.
[[nodiscard]] module_files* files_of(Dwfl_Module* module);
/// Frees all of them.
void forget_files(Dwfl* dwfl);

/// As dwfl_standard_find_debuginfo, which it asks only where there may be such a file: for others that one loads
/// libdebuginfod with all of its libraries, and asks servers. By build id, or by the name in .gnu_debuglink, where all
/// files that have it are regular ones.
int find_debug_file(Dwfl_Module* module, void** data, const char* name, Dwarf_Addr base, const char* file,
                    const char* link, GElf_Word crc, char** found);
/// Of the debug file that libdwfl would open for a module, whose own file lacks symbols or debug information; nothing:
/// the module's file has both, or there is none.
[[nodiscard]] std::optional<file_identity> debug_file_of(Dwfl_Module* module);

}  // namespace tasks::cli
