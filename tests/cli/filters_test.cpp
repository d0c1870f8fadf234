// What the options of `tasks stack` become in the request: an agent says back what it was asked.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/lab_script.hpp"
#include "support/program.hpp"

namespace tasks::testing {
namespace {

struct filter {
  std::vector<std::string> options;
  const char* request;
};
class Filter : public ::testing::TestWithParam<filter> {};
INSTANTIATE_TEST_SUITE_P(
    Options, Filter,
    ::testing::Values(filter{{}, ""}, filter{{"--task", "7", "--task", "9"}, "ids: 7 ids: 9"},
                      filter{{"--task", "7,9"}, "ids: 7 ids: 9"},
                      filter{{"--kind", "pipe-read,file-write"}, "kinds: DESCRIPTOR_READ kinds: DESCRIPTOR_WRITE"},
                      filter{{"--kind", "pipe read,blocked: tasks"}, "kinds: DESCRIPTOR_READ kinds: TASKS"},
                      filter{{"--state", "running"}, "states: RUNNING"},
                      filter{{"--kind", "channel-receive", "--kind", "TIMER"}, "kinds: CHANNEL_RECEIVE kinds: TIMER"},
                      filter{{"--older-than", "30s"}, "older_than_ms: 30000"},
                      filter{{"--older-than", "1m30s"}, "older_than_ms: 90000"},
                      filter{{"--older-than", "2h"}, "older_than_ms: 7200000"},
                      filter{{"--older-than", "1.5"}, "older_than_ms: 1500"}, filter{{"--limit", "3"}, "limit: 3"},
                      filter{{"--group", "--state", "blocked"}, "grouped: true states: BLOCKED"},
                      filter{{"--fd", "7,9"}, "fds: 7 fds: 9"},
                      filter{{"--thread", "77"}, "states: RUNNING threads: 77"},
                      filter{{"--name", "name_parts"}, R"(name_parts: "name_parts")"},
                      filter{{"--name", "^name.parts: "}, R"(name_parts: "parts: ")"},
                      filter{{"--name", "parts", "--name", "(parts)?"}, ""}, filter{{"--name", "(ame)?"}, ""},
                      filter{{"--label", "user=ann", "--label", "role"},
                             R"(labels { key: "user" value: "ann" } labels { key: "role" })"}));

TEST_P(Filter, ReachesTheAgent) {
  auto script = small_script();
  script.echoes_request = true;
  script.trailer.set_matched(1);
  script.trailer.set_shown(1);
  const fake_agent target(script);
  // The target comes last: an option that takes one value must not take it for a second.
  std::vector<std::string> words = {tasks_executable(), "stack"};
  words.insert(words.end(), GetParam().options.begin(), GetParam().options.end());
  words.push_back(target.pid_text());
  const auto seen = run(words);
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  const std::string request = GetParam().request;
  EXPECT_THAT(seen.out, ::testing::StartsWith(request.empty() ? "task 1 [" : "task 1 \"" + request + "\" "));
}

}  // namespace
}  // namespace tasks::testing
