#pragma once

/// Snapshots out of a recording, with the same answers as those that were recorded.

#include <memory>
#include <string>

#include "sources/snapshot_source.hpp"
#include "tasks/v1/recording.pb.h"

namespace tasks::cli {

/// `parts`: RecordedParts, each with its length in front. `description`: what is read, in a line. Fails where these are
/// none.
[[nodiscard]] result<std::unique_ptr<snapshot_source>> open_recorded(const v1::SnapshotHead& head, std::string parts,
                                                                     std::string description);

}  // namespace tasks::cli
