#pragma once

/// What Debian's package manager knows of files.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/remedy.hpp"

namespace tasks::cli {

/// The package that a file was installed from, "nginx"; nothing: from none, or dpkg does not manage this system.
/// `lists`: where dpkg keeps, in NAME.list or NAME:ARCHITECTURE.list, the files of each, a path a line.
[[nodiscard]] std::optional<std::string> package_of(std::string_view path,
                                                    const std::string& lists = "/var/lib/dpkg/info");

/// How a file gets its debug information, by the package that it is of. `build_id`: in hexadecimal, by which debug
/// files are found; empty: not known.
[[nodiscard]] std::vector<remedy> to_have_debug_information(std::string_view path, const std::string& build_id);

}  // namespace tasks::cli
