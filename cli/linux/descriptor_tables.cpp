#include "linux/descriptor_tables.hpp"

#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "linux/proc.hpp"

namespace tasks::cli {

std::vector<pid_t> holders_of_descriptor_tables(pid_t pid) {
  std::vector<pid_t> holders{living_thread(pid)};
  for (const auto tid : all_tids(pid)) {
    const auto is_the_same = [tid](pid_t as) {
      return as == tid || ::syscall(SYS_kcmp, as, tid, KCMP_FILES, 0, 0) == 0;
    };
    if (std::none_of(holders.begin(), holders.end(), is_the_same) && !has_ended(pid, tid)) holders.push_back(tid);
  }
  return holders;
}

}  // namespace tasks::cli
