#include "support/view.hpp"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace tasks::testing {
namespace {

std::string file_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

/// Scopes and arguments dropped: "ask" of "lab::ask(lab::pool&)".
std::string bare_name(std::string_view function) {
  function = function.substr(0, function.find('('));
  const auto scope = function.rfind("::");
  return std::string(scope == std::string_view::npos ? function : function.substr(scope + 2));
}

const v1::TreeNode* find(const google::protobuf::RepeatedPtrField<v1::TreeNode>& nodes, std::uint64_t id) {
  for (const v1::TreeNode& node : nodes) {
    if (node.task().id() == id) return &node;
    if (const v1::TreeNode* below = find(node.children(), id)) return below;
  }
  return nullptr;
}

}  // namespace

std::string text(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), tasks_executable());
  outcome seen = run(arguments);
  if (seen.end != ending{0, 0}) throw std::runtime_error("tasks " + arguments.at(1) + " failed: " + seen.err);
  return std::move(seen.out);
}

template <class View>
View view(std::vector<std::string> arguments) {
  arguments.emplace_back("--json");
  const std::string json = text(std::move(arguments));
  View result;
  if (const auto status = google::protobuf::util::JsonStringToMessage(json, &result); !status.ok()) {
    throw std::runtime_error(status.ToString() + " in: " + json);
  }
  return result;
}
template v1::ListView view(std::vector<std::string>);
template v1::VitalsView view(std::vector<std::string>);
template v1::StackView view(std::vector<std::string>);
template v1::SlowView view(std::vector<std::string>);
template v1::TreeView view(std::vector<std::string>);
template v1::ThreadsView view(std::vector<std::string>);
template v1::ChannelsView view(std::vector<std::string>);
template v1::OperationsView view(std::vector<std::string>);
template v1::MemoryView view(std::vector<std::string>);
template v1::RequestsView view(std::vector<std::string>);
template v1::WhyView view(std::vector<std::string>);

v1::StackView stacks_at_rest(const program& target, int count) {
  const auto deadline = std::chrono::steady_clock::now() + guard;
  for (;;) {
    auto stacks = view<v1::StackView>({"stack", "-p", target.pid_text()});
    const bool blocked = std::all_of(stacks.tasks().begin(), stacks.tasks().end(),
                                     [](const v1::TaskView& task) { return task.state() == v1::Task::BLOCKED; });
    if (blocked && stacks.tasks_size() == count) return stacks;
    if (std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("never at rest with " + std::to_string(count) + " tasks: " + stacks.DebugString());
    }
  }
}

std::vector<v1::TaskView> tasks_in(const v1::StackView& stacks, std::string_view function) {
  std::vector<v1::TaskView> result;
  std::copy_if(stacks.tasks().begin(), stacks.tasks().end(), std::back_inserter(result), [&](const v1::TaskView& task) {
    return task.frames_size() > 0 && bare_name(task.frames(0).function()) == function;
  });
  return result;
}

std::string place(const v1::FrameView& frame) {
  return bare_name(frame.function()) + ' ' + file_name(frame.file()) + ':' + std::to_string(frame.line());
}

std::vector<std::string> places(const v1::TaskView& task) {
  std::vector<std::string> result;
  for (const v1::FrameView& frame : task.frames()) result.push_back(place(frame));
  return result;
}

std::string place(std::string_view function, const std::string& file, std::string_view code) {
  std::ifstream source(file);
  std::string line;
  int found = 0;
  for (int number = 1; std::getline(source, line); ++number) {
    if (line.find(code) == std::string::npos) continue;
    if (found != 0) throw std::runtime_error(file + " has several lines with " + std::string(code));
    found = number;
  }
  if (found == 0) throw std::runtime_error(file + " has no line with " + std::string(code));
  return std::string(function) + ' ' + file_name(file) + ':' + std::to_string(found);
}

const v1::TreeNode* find(const v1::TreeView& tree, std::uint64_t id) { return find(tree.roots(), id); }

}  // namespace tasks::testing
