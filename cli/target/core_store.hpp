#pragma once

/// Where systemd-coredump(8) keeps cores, and how they are asked for.
///
///   /var/lib/systemd/coredump/core.COMM.UID.BOOT.PID.TIME.zst ──name, user.coredump.* attributes──┐
///   the journal ──coredumpctl --json=short list──> what was removed, or never was a file ─────────┴─> stored_core
///
/// The files are read themselves, so that it works without systemd, of a folder that was copied from elsewhere too, and
/// for who may not read the journal. The command is asked for what they do not say, where there is one.

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "linux/unpacked_file.hpp"

namespace tasks::cli {

struct stored_core {
  enum class kept {
    file,     ///< at `path`
    journal,  ///< inside of the journal, from which its command takes it
    missing,  ///< it was removed meanwhile, or was never stored
    denied    ///< there is a file, which this user may not read
  };
  pid_t pid = 0;
  std::optional<uid_t> uid;
  int signal = 0;            ///< 0: not known
  std::int64_t time_us = 0;  ///< since the epoch; of a file that does not say, when it was written
  std::string command;       ///< the first 15 bytes of the program's name; empty: not known
  std::string executable;    ///< its path; empty: not known
  std::string path;          ///< of the file; empty: there is none
  std::uint64_t size = 0;    ///< of the file, packed as it is; 0: not known
  kept how = kept::file;
};

/// $TASKS_CORES, or /var/lib/systemd/coredump.
[[nodiscard]] std::string core_folder();

/// The newest first. No folder, or an empty one, is none. The command is waited for until `deadline`.
[[nodiscard]] std::vector<stored_core> stored_cores(std::chrono::steady_clock::time_point deadline);

/// Of coredumpctl's output in JSON, as of systemd 248 and later; nothing: it is none.
[[nodiscard]] std::optional<std::vector<stored_core>> parse_coredumpctl(const std::string& json);
/// Of a file's name, as systemd makes it: "core.lab.1000.1b2c….4131.1700000000000000.zst"; nothing: it is no such name.
[[nodiscard]] std::optional<stored_core> parse_core_name(std::string_view name);

/// "lab (pid 4131), SIGSEGV".
[[nodiscard]] std::string in_words(const stored_core& core);

struct found_core {
  unpacked_file file;
  std::string from;  ///< which of the stored ones it is, in words; empty: the word is a file's path
};
/// What `--core` names: a file, else the newest stored core of a process id or of a program's name.
[[nodiscard]] result<found_core> find_core(const std::string& word, const unpacking& how);

}  // namespace tasks::cli
