#pragma once

/// What the `tasks` executable says of a program, read as another program would: from its JSON.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support/program.hpp"
#include "tasks/v1/view.pb.h"

namespace tasks::testing {

/// Runs `tasks ARGUMENTS --json`. Throws std::runtime_error unless it succeeds and prints one document of that kind.
template <class View>
[[nodiscard]] View view(std::vector<std::string> arguments);
extern template v1::ListView view(std::vector<std::string>);
extern template v1::VitalsView view(std::vector<std::string>);
extern template v1::StackView view(std::vector<std::string>);
extern template v1::TreeView view(std::vector<std::string>);
extern template v1::ThreadsView view(std::vector<std::string>);
extern template v1::ChannelsView view(std::vector<std::string>);
extern template v1::OperationsView view(std::vector<std::string>);
extern template v1::MemoryView view(std::vector<std::string>);
extern template v1::RequestsView view(std::vector<std::string>);
extern template v1::WhyView view(std::vector<std::string>);

/// Runs `tasks ARGUMENTS` and returns its text. Throws std::runtime_error unless it succeeds.
[[nodiscard]] std::string text(std::vector<std::string> arguments);

/// The stacks of a program as soon as it has exactly `count` tasks and all of them are blocked. A server says nothing
/// when it has gone back to waiting, so this asks until it has. Throws std::runtime_error at the guard.
[[nodiscard]] v1::StackView stacks_at_rest(const program& target, int count);

/// The tasks whose innermost shown function begins so, in the order of the view.
[[nodiscard]] std::vector<v1::TaskView> tasks_in(const v1::StackView& stacks, std::string_view function);

/// "function file:line" of a frame, without arguments and folders: "echo echo_server.cpp:42".
[[nodiscard]] std::string place(const v1::FrameView& frame);
/// place() of each frame, innermost first.
[[nodiscard]] std::vector<std::string> places(const v1::TaskView& task);
/// "function FILE:LINE" of the one line of that source which contains `code`; `file` is its path.
[[nodiscard]] std::string place(std::string_view function, const std::string& file, std::string_view code);

/// The node of a task in a tree, or null.
[[nodiscard]] const v1::TreeNode* find(const v1::TreeView& tree, std::uint64_t id);

}  // namespace tasks::testing
