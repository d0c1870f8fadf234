#pragma once

/// What is in a file that may be compressed, as a descriptor that can be read anywhere.
///
///   core.zst ──its first bytes──> zstd, LZ4, xz or gzip ──blocks──> a file without a name, whose zeros are holes
///
/// What it is says its content, never its name. Several frames, streams or members one after another are one file, as
/// for the tools that write them.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "descriptor.hpp"

namespace tasks::cli {

struct unpacking {
  /// How many bytes of the content are wanted, by its first ones (a MiB, or all there are); the rest is left packed.
  /// 0: none, there is nothing to be read in it.
  std::function<std::uint64_t(std::string_view)> wanted;
  /// What is behind that is unpacked all the same, 64 MiB of it at most, and forgotten: checksums stand at the end.
  bool checks = false;
  /// No more of the content than so much, holes included: what claims to be larger is refused.
  std::uint64_t most_bytes = std::uint64_t{256} << 30;
  /// No more room than so much, holes not counted; nothing: nine tenths of what the file system has free.
  std::optional<std::uint64_t> most_room;
  /// Then it is left as it is, and what came is all there is.
  std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max();
};

struct unpacked_file {
  detail::descriptor fd;
  std::string_view format;  ///< "zstd", "lz4", "xz", "gzip"; empty: it is not compressed, and `fd` is the file itself
  std::string damage;       ///< why the rest of the content is missing, in words; empty: nothing is
  std::int64_t written_ns = 0;  ///< when the file was, since the epoch; 0: not known
};

/// "zstd" of the first bytes of such a file; empty: it is none that can be unpacked.
[[nodiscard]] std::string_view packed_format(std::string_view first_bytes);

/// Fails where `path` is no regular file, where what it holds is larger than `how` allows, or where there is no room
/// for it: in $TMPDIR, else in /var/tmp or /tmp, else in memory.
[[nodiscard]] result<unpacked_file> open_unpacked(const std::string& path, const unpacking& how);
/// Likewise of what can be read from a pipe, whose end is that of its content; what is not compressed is copied, too.
[[nodiscard]] result<unpacked_file> unpack_from(const std::string& subject, int pipe, const unpacking& how);

}  // namespace tasks::cli
