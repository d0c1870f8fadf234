#pragma once

/// The page of `tasks serve`, as it was bundled when this was built; see page/README.md.
///
///   page/src ──esbuild──> one HTML, one JS, one CSS file, licences ──gzip──> page_files()

#include <span>
#include <string_view>

namespace tasks::cli {

struct page_file {
  /// "/", else below "/assets/". Names of script and style change with their content: they may be cached for ever.
  std::string_view path;
  /// Of Content-Type.
  std::string_view type;
  /// The bytes, as Content-Encoding: gzip has them.
  std::string_view gzip;
};

/// All of them; "/" first. Empty: built without the page (TASKS_BUILD_PAGE=OFF). Valid for ever.
[[nodiscard]] std::span<const page_file> page_files();

}  // namespace tasks::cli
