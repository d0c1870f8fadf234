#pragma once

namespace tasks::cli {

/// Of a process that root has started: gives up for good what reading other processes does not need. What is left is
/// CAP_SYS_PTRACE (their memory), CAP_DAC_READ_SEARCH and CAP_DAC_OVERRIDE (their files and sockets), CAP_PERFMON
/// (their samples); see capabilities(7). Nor do programs gain any that it starts. Of others: only the last. False: the
/// kernel refuses, and all is as it was.
bool keep_rights_to_read() noexcept;

}  // namespace tasks::cli
