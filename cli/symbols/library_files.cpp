/// The files that libdw and libelf open by themselves, without asking any callback: what .gnu_debugaltlink and
/// DW_AT_dwo_name of a target's file name. The linker puts this in the place of their open(2), see ../CMakeLists.txt;
/// where they are shared libraries nothing takes its place.

#include <errno.h>
#include <fcntl.h>

#include <cstdarg>

#include "symbols/module_files.hpp"

extern "C" int __real_open(const char* path, int flags, ...);

extern "C" int __wrap_open(const char* path, int flags, ...) {
  // As they call it, and nobody else of us.
  if (flags == O_RDONLY) return tasks::cli::open_regular(path).release();
  std::va_list more;
  va_start(more, flags);
  const auto mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return __real_open(path, flags, mode);
}
