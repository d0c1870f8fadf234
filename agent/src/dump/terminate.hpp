#pragma once

/// The last words of a process that ends by std::terminate() or abort().
///
///   std::terminate ──> on_terminate ──> the handler before ──> abort ──> SIGABRT ──> on_abort (silent) ──> as before
///   abort ─────────────────────────────────────────────────────────────> on_abort

namespace tasks::detail {

/// Installs both, once a process. `path`: as dump_options::path; null or empty: standard error. The first path counts.
void install_terminate_dump(const char* path) noexcept;

}  // namespace tasks::detail
