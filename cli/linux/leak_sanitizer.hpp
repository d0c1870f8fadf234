#pragma once

/// LeakSanitizer stops the threads of its process by ptrace(2) when that ends, and fails a process that somebody else
/// traces.

#include <sys/types.h>

namespace tasks::cli {

/// Has a process that has just executed its program LeakSanitizer, or AddressSanitizer, which brings it along: by names
/// of the executable's dynamic section, by words of the runtime in its constants where that is linked statically, or by
/// LD_PRELOAD? And is it not switched off (detect_leaks=0 in ASAN_OPTIONS or LSAN_OPTIONS)? Reads up to 1 GiB of the
/// executable. False where that cannot be known.
[[nodiscard]] bool has_leak_sanitizer(pid_t pid);

}  // namespace tasks::cli
