#include "sources/fallback_source.hpp"

#include <type_traits>
#include <utility>

#include "linux/proc.hpp"
#include "sources/agent_source.hpp"
#include "sources/memory_source.hpp"

namespace tasks::cli {
namespace {

/// The target's memory, where there is no agent or it failed to answer; or what went wrong first, with what went wrong
/// then.
result<std::unique_ptr<snapshot_source>> read_memory_instead(std::shared_ptr<target> process, const error& first,
                                                             const teller& tell) {
  auto direct = open_direct(std::move(process));
  if (!direct) {
    auto both = first;
    both.next_step = "nor can its memory be read: " + direct.why().fact;
    return both;
  }
  tell(message({first.code, first.subject, first.fact, ""}) + "; reading its memory instead");
  return std::unique_ptr<snapshot_source>(*std::move(direct));
}

class fallback_source final : public snapshot_source {
 public:
  fallback_source(std::shared_ptr<target> process, std::unique_ptr<snapshot_source> agent, teller tell)
      : process_(std::move(process)), source_(std::move(agent)), tell_(std::move(tell)) {}

  [[nodiscard]] pid_t pid() const override { return process_->pid(); }
  [[nodiscard]] target* from() const override { return process_.get(); }
  [[nodiscard]] std::string description() const override { return source_->description(); }

  result<v1::Vitals> vitals(bool counts_only, const chunk_visitor& visit) override {
    return ask([&](snapshot_source& source, const chunk_visitor& see) { return source.vitals(counts_only, see); },
               visit);
  }
  result<v1::Trailer> stacks(const v1::StacksRequest& query, const chunk_visitor& visit) override {
    return ask([&](snapshot_source& source, const chunk_visitor& see) { return source.stacks(query, see); }, visit);
  }
  /// Nothing else can.
  result<v1::TimingState> time_runs(std::chrono::milliseconds lease) override { return source_->time_runs(lease); }

 private:
  template <class Ask>
  std::invoke_result_t<Ask&, snapshot_source&, const chunk_visitor&> ask(Ask question, const chunk_visitor& visit) {
    bool began = false;
    auto answer = question(*source_, [&](const v1::Chunk& chunk) {
      began = true;
      return visit(chunk);
    });
    // What was shown already cannot be taken back.
    if (answer || began || answer.why().code != error_code::timed_out) return answer;
    auto direct = read_memory_instead(process_, answer.why(), tell_);
    if (!direct) return direct.why();
    source_ = *std::move(direct);
    return question(*source_, visit);
  }

  std::shared_ptr<target> process_;
  std::unique_ptr<snapshot_source> source_;
  teller tell_;
};

}  // namespace

result<std::unique_ptr<snapshot_source>> open_agent_or_memory(pid_t pid, std::chrono::milliseconds timeout,
                                                              teller tell) {
  root_finder finder;
  const auto found = finder.find(pid);
  const auto process = live_target(pid, found);
  // Nor does the agent of a stopped process go on: who asks it waits in vain.
  if (const auto stop = find_stop(pid)) {
    auto direct =
        read_memory_instead(process, {error_code::timed_out, subject_of(pid), "it is " + stop->words, ""}, tell);
    if (direct) return direct;
  }
  auto agent = connect_to_agent(process, found, timeout);
  if (agent)
    return std::unique_ptr<snapshot_source>(
        std::make_unique<fallback_source>(process, *std::move(agent), std::move(tell)));
  switch (agent.why().code) {
    case error_code::timed_out:
    case error_code::no_agent:
    case error_code::agent_gone:
      return read_memory_instead(process, agent.why(), tell);
    default:
      return agent;
  }
}

}  // namespace tasks::cli
