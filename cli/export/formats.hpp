#pragma once

/// Profiles as others read them.

#include <cstdint>
#include <string>

#include "base/output.hpp"
#include "export/stack_profile.hpp"

namespace tasks::cli {

enum class profile_format { pprof, folded, speedscope };

struct profile_title {
  std::string subject;           ///< "pid 4131"
  std::string executable;        ///< empty: not known
  std::int64_t taken_at_ns = 0;  ///< since the epoch
};

/// A line a stack, the outermost function first, and how many tasks: what flamegraph.pl takes.
void write_folded(fmt::memory_buffer& out, const stack_profile& profile);
/// https://www.speedscope.app/file-format-schema.json
void write_speedscope(fmt::memory_buffer& out, const stack_profile& profile, const profile_title& title);
/// profile.proto, compressed by gzip.
void write_pprof(fmt::memory_buffer& out, const stack_profile& profile, const profile_title& title);

}  // namespace tasks::cli
