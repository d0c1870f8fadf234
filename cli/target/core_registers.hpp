#pragma once

#include <vector>

#include "linux/registers.hpp"
#include "target/core_file.hpp"

namespace tasks::cli {

/// What each thread of a core had in its registers: NT_PRSTATUS, NT_FPREGSET and NT_X86_XSTATE of core(5). Empty where
/// one tells less than that.
[[nodiscard]] std::vector<thread_registers> registers_of(const core_file& core);

}  // namespace tasks::cli
