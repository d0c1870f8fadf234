// tasks stack --locals: what a program has set is what is shown, with its hook and without, live and in a core.

#include <gmock/gmock.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using values = std::multimap<std::string, std::string>;  ///< <type> where no value is known

/// Of the one frame of a function.
values locals_of(const v1::StackView& seen, std::string_view function) {
  values found;
  for (const auto& task : seen.tasks())
    for (const auto& frame : task.frames()) {
      if (!place(frame).starts_with(std::string(function) + " ")) continue;
      for (const auto& each : frame.locals())
        found.emplace(each.name(), each.has_value() ? each.value() : "<" + each.type() + ">");
    }
  return found;
}
std::vector<std::string> names_of(const values& all) {
  std::vector<std::string> names;
  for (const auto& [name, value] : all) names.push_back(name);
  return names;
}

class Locals : public ::testing::TestWithParam<const char*> {
 protected:
  Locals() : target_({program_path(GetParam())}) { static_cast<void>(stacks_at_rest(target_, 5)); }

  [[nodiscard]] v1::StackView see() const { return view<v1::StackView>({"stack", "--locals", target_.pid_text()}); }
  /// clang keeps in frames what it must, if it optimizes: what it has elsewhere is not shown.
  [[nodiscard]] static bool shows_all() {
#if defined(__clang__)
    return !std::string_view(GetParam()).ends_with('2');
#else
    return true;
#endif
  }
  /// All that is shown is right, and all is shown.
  static void expect(const values& seen, const values& expected) {
    for (const auto& each : seen) EXPECT_THAT(expected, Contains(each));
    if (!shows_all()) return;
    for (const auto& each : expected) EXPECT_THAT(seen, Contains(each));
  }
  [[nodiscard]] values kinds() const {
    return {{"number", "42"},
            {"text", R"("a text that is so long that it is on the heap")"},
            {"ratio", "-2.25"},
            {"is_open", "true"},
            {"letter", "'a'"},
            {"bell", R"('\x07')"},
            {"small", "-3"},
            {"byte", "200"},
            {"least", "-9223372036854775808"},
            {"greatest", "18446744073709551615"},
            {"half", "0.5"},
            {"paint", "green"},
            {"unnamed", "7"},
            {"spot", "<point>"},
            {"nowhere", "nullptr"},
            {"somewhere", target_.value("spot")}};
  }
  [[nodiscard]] values holders() const {
    return {{"empty", R"("")"},
            {"brief", R"("brief")"},
            {"lengthy", '"' + std::string(64, 'x') + "…\""},
            {"escaped", R"("a \"b\"\n\x1b[31m\\ \xff \xe2\x80\xae ä")"},
            {"accents", "\"a" +
                            [] {
                              std::string all;
                              for (int i = 0; i < 31; ++i) all += "ä";
                              return all;
                            }() +
                            "…\""},
            {"given", R"("")"},
            {"taken", R"("given away and so long that it is on the heap")"},
            {"view", R"("rie")"},
            {"none", "nullopt"},
            {"some", "5"},
            {"maybe", R"("maybe")"},
            {"owned", target_.value("owned")},
            {"nobodys", "nullptr"},
            {"shared", target_.value("shared")},
            {"few", "[1, 2]"},
            {"many", "[1, 2, 3, 4, …] of 9"},
            {"no_one", "[]"},
            {"names", R"(["ann", "bob"])"},
            {"spots", "[…] of 3"},
            {"pause", "30"},
            {"listens", "8080"},
            {"root", "[[], []]"}};
  }

  program target_;
};
INSTANTIATE_TEST_SUITE_P(Of, Locals, ::testing::Values("locals_0", "locals_2", "locals_plain_0", "locals_plain_2"));

TEST_P(Locals, AreWhatTheProgramHasSet) {
  const auto seen = see();
  for (const auto& [function, expected] : {std::pair("kinds", kinds()), std::pair("holders", holders())}) {
    auto found = locals_of(seen, function);
    // It is a reference; where it leads to the program does not say.
    found.erase("of");
    expect(found, expected);
    EXPECT_THAT(found, Not(IsEmpty()));
  }
}

TEST_P(Locals, HaveTypes) {
  const auto seen = see();
  std::map<std::string, std::string> types;
  for (const auto& task : tasks_in(seen, "never"))
    for (const auto& frame : task.frames())
      for (const auto& each : frame.locals()) types.emplace(each.name(), each.type());
  EXPECT_EQ(types["text"], "std::string");
  EXPECT_EQ(types["maybe"], "std::optional<std::string>");
  if (!shows_all()) return;
  EXPECT_EQ(types["number"], "int");
  EXPECT_EQ(types["lent"], "const std::string&");
  EXPECT_EQ(types["few"], "std::vector<int>");
}

TEST_P(Locals, ThatAreOverOrHaveNotBegunAreNotShown) {
  auto seen = locals_of(see(), "scopes");
  seen.erase("of");
  expect(seen, {{"open", R"("open")"}, {"level", "1"}, {"level", "2"}, {"inner", R"("inner")"}});
  EXPECT_THAT(names_of(seen), Contains("inner"));
}

TEST_P(Locals, OfALoopAreThoseOfThisTurn) {
  auto seen = locals_of(see(), "rounds");
  seen.erase("of");
  expect(seen, {{"last", "2"}, {"round", "2"}, {"turn", R"("turn 2")"}});
  EXPECT_THAT(names_of(seen), Contains("turn"));
}

TEST_P(Locals, ThatAreReferencesAreAddresses) {
  auto seen = locals_of(see(), "borrows");
  seen.erase("of");
  expect(seen, {{"lent", target_.value("lent")}});
}

TEST_P(Locals, AreShownWhenAskedFor) {
  const auto seen = view<v1::StackView>({"stack", target_.pid_text()});
  for (const auto& task : seen.tasks())
    for (const auto& frame : task.frames()) EXPECT_THAT(frame.locals(), IsEmpty());
  EXPECT_THAT(text({"stack", target_.pid_text()}), Not(HasSubstr("a text")));
  EXPECT_THAT(text({"stack", "--locals", target_.pid_text()}),
              HasSubstr(R"(text="a text that is so long that it is on the heap")"));
}

TEST_P(Locals, AreInCoresAlike) {
  const auto folder = std::filesystem::temp_directory_path() / ("tasks-locals-" + target_.pid_text());
  std::filesystem::create_directory(folder);
  const auto made = run({"gcore", "-o", (folder / "core").string(), target_.pid_text()});
  const auto core = (folder / ("core." + target_.pid_text())).string();
  ASSERT_TRUE(std::filesystem::exists(core)) << made.err;
  const auto dead = view<v1::StackView>({"stack", "--locals", "--core", core}), live = see();
  for (const auto* each : {"kinds", "holders", "scopes", "rounds", "borrows"}) {
    EXPECT_EQ(locals_of(dead, each), locals_of(live, each));
    if (shows_all()) {
      EXPECT_THAT(locals_of(dead, each), Not(IsEmpty()));
    }
  }
  std::filesystem::remove_all(folder);
}

TEST_P(Locals, LieWhereTheProgramHasThem) {
  const auto stacks = view<v1::StackView>({"stack", "--locals", "--addresses", target_.pid_text()});
  std::size_t found = 0;
  for (const auto& task : stacks.tasks())
    for (const auto& frame : task.frames()) {
      EXPECT_THAT(frame.address(), ::testing::StartsWith("0x")) << place(frame);
      for (const auto& each : frame.locals()) {
        EXPECT_GT(std::stoull(each.address(), nullptr, 16), std::stoull(frame.address(), nullptr, 16));
        if (each.name() != "spot") continue;
        EXPECT_EQ(each.address(), target_.value("spot"));
        ++found;
      }
    }
  EXPECT_EQ(found, 1U);
}

TEST_P(Locals, AreSaidToLieSomewhereWhenAskedFor) {
  const auto stacks = see();
  for (const auto& task : stacks.tasks())
    for (const auto& frame : task.frames()) {
      EXPECT_EQ(frame.address(), "");
      for (const auto& each : frame.locals()) EXPECT_EQ(each.address(), "");
    }
  EXPECT_THAT(text({"stack", "--addresses", target_.pid_text()}), HasSubstr("\n\tframe 0x"));
  const auto seen = run({tasks_executable(), "stack", "--addresses", "--group", target_.pid_text()});
  EXPECT_EQ(seen.end.code, 2);
  EXPECT_THAT(seen.err, HasSubstr("--addresses: each task of a group has frames of its own"));
}

TEST_P(Locals, AreNotThoseOfGroups) {
  const auto seen = run({tasks_executable(), "stack", "--locals", "--group", target_.pid_text()});
  EXPECT_EQ(seen.end.code, 2);
  EXPECT_EQ(seen.out, "");
  EXPECT_THAT(seen.err,
              AllOf(HasSubstr("--locals: each task of a group has values of its own"), HasSubstr("leave out --group")));
}

// calculate() runs: what it has in its frame may be of any time since it began.
TEST(LocalsOfATaskThatRuns, AreThoseOfWhoAwaitsIt) {
  const program target({program_path("hung"), "loop"});
  for (const std::vector<std::string>& how : {std::vector<std::string>{}, {"--no-hook"}}) {
    std::vector<std::string> words{"stack", "--locals", target.pid_text()};
    words.insert(words.end(), how.begin(), how.end());
    const auto seen = view<v1::StackView>(words);
    ASSERT_EQ(seen.tasks_size(), 2);
    for (const auto& task : seen.tasks()) EXPECT_EQ(task.state(), v1::Task::RUNNING);
    EXPECT_THAT(locals_of(seen, "calculate"), IsEmpty());
#if !defined(__clang__)
    EXPECT_EQ(locals_of(seen, "loop"), (values{{"step", "1"}, {"step", "2"}}));
#endif
  }
}

class LocalsWithoutDebugInformation : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Of, LocalsWithoutDebugInformation, ::testing::Values("locals_2", "locals_plain_2"));

TEST_P(LocalsWithoutDebugInformation, AreSaidToBeMissingOnce) {
  char folder[] = "/tmp/tasks-test-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const auto path = std::string(folder) + "/stripped";
  const auto stripped = run({"strip", "-g", "-o", path, program_path(GetParam())});
  ASSERT_EQ(stripped.end.code, 0) << stripped.err;
  {
    const program target({path});
    static_cast<void>(stacks_at_rest(target, 5));
    const auto seen = run({tasks_executable(), "stack", "--locals", target.pid_text()});
    EXPECT_EQ(seen.end.code, 0);
    EXPECT_THAT(seen.out, Not(HasSubstr("a text")));
    const auto line =
        "tasks: pid " + target.pid_text() +
        ": no values of locals: it has no debug information of types (install its debug symbols, or build it "
        "with -g)\n";
    EXPECT_THAT(seen.err, HasSubstr(line));
    if (std::string_view(GetParam()).starts_with("locals_plain")) {
      // What the line of a program without the hook says of its lines.
      EXPECT_THAT(seen.err,
                  ContainsRegex("for lines install its debug symbols, build id [0-9a-f]+, or build it with -g"));
    }
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tasks::testing
