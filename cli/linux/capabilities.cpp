#include "linux/capabilities.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace tasks::cli {
namespace {

constexpr std::uint64_t bit(int capability) { return std::uint64_t{1} << capability; }

constexpr std::uint64_t kept_rights =
    bit(CAP_SYS_PTRACE) | bit(CAP_DAC_READ_SEARCH) | bit(CAP_DAC_OVERRIDE) | bit(CAP_PERFMON);

}  // namespace

bool keep_rights_to_read() noexcept {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3]{};
  if (::syscall(SYS_capget, &head, held) != 0) return false;
  // What is not in the bounding set a program does not get either that this one executes as root.
  for (int each = 0; ::prctl(PR_CAPBSET_READ, each, 0, 0, 0) >= 0; ++each)
    if ((kept_rights >> each & 1) == 0) static_cast<void>(::prctl(PR_CAPBSET_DROP, each, 0, 0, 0));
  for (unsigned half = 0; half < _LINUX_CAPABILITY_U32S_3; ++half) {
    const auto mask = static_cast<std::uint32_t>(kept_rights >> (32 * half));
    held[half].effective &= mask;
    held[half].permitted &= mask;
    held[half].inheritable &= mask;
  }
  return ::syscall(SYS_capset, &head, held) == 0;
}

}  // namespace tasks::cli
