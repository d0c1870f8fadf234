#pragma once

/// What surveys find out of a target, as messages of a recording, and back. What comes out of a message is what went
/// in.

#include <cstdint>
#include <map>
#include <vector>

#include "linux/descriptors.hpp"
#include "linux/proc.hpp"
#include "proof/proof.hpp"
#include "proof/wait_graph.hpp"
#include "surveys/busy.hpp"
#include "surveys/deaths.hpp"
#include "surveys/due.hpp"
#include "surveys/idle.hpp"
#include "surveys/lookups.hpp"
#include "surveys/running_tasks.hpp"
#include "surveys/threads.hpp"
#include "target/native_stack.hpp"
#include "tasks/v1/recording.pb.h"

namespace tasks::cli {

[[nodiscard]] v1::RecordedError to_message(const error& from);
[[nodiscard]] v1::RecordedDescriptor to_message(std::uint32_t fd, const endpoint& from);
[[nodiscard]] v1::RecordedDue to_message(const due_task& from);
[[nodiscard]] v1::RecordedIdle to_message(const idle_context& from);
[[nodiscard]] v1::RecordedBusy to_message(const busy_task& from);
[[nodiscard]] v1::RecordedLookups to_message(const lookup_survey& from);
[[nodiscard]] v1::RecordedStop to_message(const stop_cause& from);
[[nodiscard]] v1::RecordedRun to_message(const running_task& from);
[[nodiscard]] v1::RecordedFrame to_message(const native_frame& from);
[[nodiscard]] v1::RecordedDeath to_message(const surveyed_death& from);
/// But for the tasks that a thread resumes over and over, and what it looks up, which are told elsewhere.
[[nodiscard]] v1::RecordedThreads to_message(const thread_survey& from);
[[nodiscard]] v1::RecordedProof to_message(const proof_result& from);
[[nodiscard]] v1::RecordedGraph to_message(const wait_graph& from);

[[nodiscard]] error from_message(const v1::RecordedError& from);
[[nodiscard]] endpoint from_message(const v1::RecordedDescriptor& from);
[[nodiscard]] due_task from_message(const v1::RecordedDue& from);
[[nodiscard]] idle_context from_message(const v1::RecordedIdle& from);
[[nodiscard]] busy_task from_message(const v1::RecordedBusy& from);
[[nodiscard]] lookup_survey from_message(const v1::RecordedLookups& from);
[[nodiscard]] stop_cause from_message(const v1::RecordedStop& from);
[[nodiscard]] running_task from_message(const v1::RecordedRun& from);
[[nodiscard]] native_frame from_message(const v1::RecordedFrame& from);
[[nodiscard]] surveyed_death from_message(const v1::RecordedDeath& from);
[[nodiscard]] thread_survey from_message(const v1::RecordedThreads& from);
/// Numbers of reasons and holders that lead nowhere are 0.
[[nodiscard]] proof_result from_message(const v1::RecordedProof& from);
[[nodiscard]] wait_graph from_message(const v1::RecordedGraph& from);

}  // namespace tasks::cli
