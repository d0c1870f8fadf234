#pragma once

/// What Debian's package manager knows of files.

#include <optional>
#include <string>
#include <string_view>

namespace tasks::cli {

/// The package that a file was installed from, "nginx"; nothing: from none, or dpkg does not manage this system.
/// `lists`: where dpkg keeps, in NAME.list or NAME:ARCHITECTURE.list, the files of each, a path a line.
[[nodiscard]] std::optional<std::string> package_of(std::string_view path,
                                                    const std::string& lists = "/var/lib/dpkg/info");

}  // namespace tasks::cli
