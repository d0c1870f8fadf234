#pragma once

/// What a process has answered, as a source: what is asked of it is known already.
///
///   process_answer + known_code ──> answered_source ──> glances

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "serve/process_answer.hpp"
#include "sources/snapshot_source.hpp"
#include "target/target.hpp"
#include "tasks/v1/recording.pb.h"

namespace tasks::cli {

/// What code addresses of a process are called. Debug information is read once for each of them, and not kept: it takes
/// more memory than all else that is known of a process. Where a library was unloaded and another is in its place, its
/// frames that have not awaited yet are misnamed.
class known_code {
 public:
  void learn(pid_t pid, const std::vector<v1::Chunk>& parts) {
    constexpr int most_addresses = 1000;
    if (facts_.code_size() > most_addresses) *this = {};
    std::shared_ptr<target> from;
    for (const auto& part : parts) {
      for (const auto& location : part.locations()) {
        if (location.address() == 0 || !addresses_.insert(location.address()).second) continue;
        if (!from) from = live_target(pid);
        auto& code = *facts_.add_code();
        code.set_address(location.address());
        for (auto& each : from->names().resolve(location.address())) {
          auto& function = *code.add_functions();
          function.set_function(std::move(each.function));
          function.set_file(std::move(each.file));
          function.set_line(each.line);
        }
      }
    }
  }
  [[nodiscard]] const v1::RecordedFacts& facts() const noexcept { return facts_; }

 private:
  v1::RecordedFacts facts_;  ///< nothing but code
  std::set<std::uint64_t> addresses_;
};

/// Answers what has been answered already. It has no target: who has one looks up every descriptor.
class answered_source final : public snapshot_source {
 public:
  answered_source(pid_t pid, const process_answer& answer, const known_code& code)
      : pid_(pid), answer_(answer), code_(code) {}
  [[nodiscard]] pid_t pid() const override { return pid_; }
  [[nodiscard]] target* from() const override { return nullptr; }
  [[nodiscard]] const v1::RecordedFacts* recorded() const override { return &code_.facts(); }
  [[nodiscard]] std::string description() const override { return "answer of " + subject_of(pid_); }
  result<v1::Vitals> vitals(bool, const chunk_visitor&) override { return *answer_.vitals; }
  result<v1::Trailer> stacks(const v1::StacksRequest&, const chunk_visitor& visit) override {
    for (const auto& part : answer_.parts)
      if (!visit(part)) return v1::Trailer();
    return answer_.trailer;
  }

 private:
  pid_t pid_;
  const process_answer& answer_;
  const known_code& code_;
};

}  // namespace tasks::cli
