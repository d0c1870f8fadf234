#include "linux/same_program.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <string_view>

#include "linux/fields.hpp"

namespace tasks::cli {

same_program::same_program(pid_t pid)
    : memory_(::open(fmt::format("/proc/{}/mem", living_thread(pid)).c_str(), O_RDONLY | O_CLOEXEC)) {
  is_refused_ = !memory_ && (errno == EACCES || errno == EPERM);
  // Code stays where it is: the first that there is.
  const auto mappings = executable_mappings(pid);
  const auto first = std::string_view(mappings).substr(0, mappings.find('-'));
  if (!parse_number(first, somewhere_, 16)) somewhere_ = 0;
}

bool same_program::still() const {
  char byte;
  return memory_ && ::pread(memory_.get(), &byte, 1, static_cast<off_t>(somewhere_)) == 1;
}

}  // namespace tasks::cli
