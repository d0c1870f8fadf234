// Views of a registry whose words are forged at random, as whoever has been broken into may: each comes to an end, in
// so much memory, with an exit code of its own, and nothing that a terminal obeys is in what it says.
//
//   TASKS_FORGED=FIRST-LAST cli_forged_words_test     other seeds, by which forged_words forges

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "support/program.hpp"

namespace tasks::testing {
namespace {

/// Each of a process, whose number follows.
const std::vector<std::vector<std::string>> views = {{"vitals", "--details"},
                                                     {"stack"},
                                                     {"stack", "--json"},
                                                     {"stack", "--group"},
                                                     {"stack", "--locals"},
                                                     {"tree"},
                                                     {"threads"},
                                                     {"channels"},
                                                     {"operations"},
                                                     {"memory"},
                                                     {"requests", "user"},
                                                     {"why", "7"},
                                                     {"leaks"},
                                                     {"leaks", "--json"},
                                                     {"vitals", "--json"},
                                                     {"check", "--stalled"},
                                                     {"report", "-o"}};

std::pair<std::uint64_t, std::uint64_t> seeds() {
  const char* chosen = std::getenv("TASKS_FORGED");
#if defined(TASKS_TEST_SANITIZED)
  if (chosen == nullptr) return {1, 2};  // each view takes several times as long
#endif
  if (chosen == nullptr) return {1, 6};
  char* end = nullptr;
  const auto first = std::strtoull(chosen, &end, 10);
  return {first, *end == '-' ? std::strtoull(end + 1, nullptr, 10) : first};
}

/// The first line that is not fit for a terminal; empty: there is none.
std::string unfit_line(std::string_view text) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    // Where a frame is stands behind a tab, as in Go's stacks.
    const auto begin = std::min(text.find_first_not_of(' '), end);
    const auto line = text.substr(0, end).substr(text.substr(begin).starts_with('\t') ? begin + 1 : 0);
    if (cli::clean(line) != line) return cli::clean(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

class Forged : public ::testing::TestWithParam<const char*> {
 protected:
  Forged() : file_(std::filesystem::temp_directory_path() / ("tasks-forged-" + std::to_string(::getpid()))) {}
  ~Forged() override { std::filesystem::remove(file_); }

  [[nodiscard]] outcome look(const std::vector<std::string>& words) const {
    std::vector<std::string> command;
#if !defined(TASKS_TEST_SANITIZED)
    command = {"prlimit", "--data=268435456:268435456"};  // 256 MiB
#endif
    command.push_back(tasks_executable());
    command.insert(command.end(), words.begin(), words.end());
    return run(command);
  }

  void look_at(const program& target, std::uint64_t seed, std::vector<std::string> words) {
    if (words.back() == "-o") words.push_back(file_.string());
    words.insert(words.begin() + 1, target.pid_text());
    std::string command;
    for (const auto& word : words) command += word + " ";
    const auto said = look(words);
    EXPECT_EQ(said.end.signal, 0) << seed << ": " << command << said.err;
    EXPECT_TRUE(said.end.code >= 0 && said.end.code <= 4) << seed << ": " << command << said.end.code << said.err;
    EXPECT_EQ(unfit_line(said.out), "") << seed << ": " << command;
    EXPECT_EQ(unfit_line(said.err), "") << seed << ": " << command;
  }

  std::filesystem::path file_;
};
INSTANTIATE_TEST_SUITE_P(By, Forged, ::testing::Values("direct", "agent"));

TEST_P(Forged, RegistriesAreSurvived) {
  const auto [first, last] = seeds();
  const bool by_agent = GetParam() == std::string_view("agent");
  program target({program_path("forged_words"), by_agent ? "contents" : "all"},
                 {by_agent ? "TASKS_AGENT" : "TASKS_AGENT=off"});
  for (auto seed = first; seed <= last; ++seed) {
    target.write(std::to_string(seed) + "\n");
    ASSERT_EQ(target.read_line(), "forged");
    for (const auto& words : views) look_at(target, seed, words);
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace tasks::testing
