#pragma once

/// LeakSanitizer stops the threads of its process by ptrace(2) when that ends, and fails a process that somebody else
/// traces.

#include <sys/types.h>

namespace tasks::cli {

/// Was the executable of a process built with it, or with AddressSanitizer, which brings it along, and is it not
/// switched off (detect_leaks=0 in ASAN_OPTIONS or LSAN_OPTIONS)? Reads names of the dynamic section alone. False where
/// that cannot be known.
[[nodiscard]] bool has_leak_sanitizer(pid_t pid);

}  // namespace tasks::cli
