// Words that reach a program through a shell as they were, whatever is in them and whichever shell that is.

#include "base/shell_words.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "base/json_syntax.hpp"
#include "support/program.hpp"

namespace tasks::cli {
namespace {

const std::vector<std::string> hostile = {
    "plain",
    "",
    " ",
    "two words",
    "it's",
    "''",
    "\"",
    "$HOME ${x} $(id) `id`",
    "a\nb\n",
    "\n",
    "-n",
    "--",
    "*",
    "?[a]",
    "~",
    "a;b&c|d>e<f(g)",
    "\\",
    "\\n\\0101",
    "%s%d%",
    "!!",
    "!history",
    "#none",
    "=x",
    "a\tb\r",
    "\xc3\xa9\xe2\x80\xa6",
    "\xff\xfe",
    "\x01\x7f",
    "\\\\'\"$`!\\",
    "{a,b}",
    "^x^y",
    "@",
};

TEST(ShellWords, AreQuotedAsShWantsThem) {
  EXPECT_EQ(quoted_for_sh("it's"), "'it'\\''s'");
  EXPECT_EQ(quoted_for_sh(""), "''");
  EXPECT_EQ(quoted_for_sh(std::vector<std::string>{"a", "b c"}), "'a' 'b c'");
}

TEST(ShellWords, ReachAProgramThroughAnyLoginShell) {
  // printf(1) as a program, which writes each word with a mark behind it.
  const auto command = for_any_shell("exec env printf '%s|' " + quoted_for_sh(hostile));
  EXPECT_EQ(command.find('\n'), std::string::npos);
  std::string expected;
  for (const auto& word : hostile) expected += word + "|";
  int tried = 0;
  for (const char* shell : {"sh", "dash", "bash", "zsh", "fish", "tcsh", "ksh", "mksh", "busybox"}) {
    const bool is_busybox = shell == std::string("busybox");
    try {
      const auto seen = testing::run(is_busybox ? std::vector<std::string>{"busybox", "sh", "-c", command}
                                                : std::vector<std::string>{shell, "-c", command});
      if (seen.end.code == 127) continue;
      EXPECT_EQ(seen.end.code, 0) << shell << seen.err;
      EXPECT_EQ(seen.out, expected) << shell;
      ++tried;
    } catch (const std::runtime_error&) {  // it is not installed
    }
  }
  EXPECT_GT(tried, 0);
}

TEST(ShellWords, DoNotStandBeforeWhatTheShellSays) {
  const auto seen = testing::run({"sh", "-c", for_any_shell("# a script of some length\n/no/such/program")});
  EXPECT_EQ(seen.end.code, 127);
  EXPECT_TRUE(seen.err.starts_with("sh: ")) << seen.err;
  EXPECT_EQ(seen.err.find("length"), std::string::npos) << seen.err;
}

TEST(JsonSyntax, KnowsAWholeObjectFromACutOne) {
  const std::string text = R"( {"a":[1,-2.5e+3,"x\"}",{}],"b":null,"c":{"d":[true,false]}}  )";
  EXPECT_TRUE(is_json_object(text));
  EXPECT_TRUE(is_json_object("{}\n"));
  const auto end = text.find_last_of('}');
  for (std::size_t size = 0; size <= end; ++size) EXPECT_FALSE(is_json_object(text.substr(0, size))) << size;
  for (const char* wrong : {"[]", "{} {}", "{\"a\" 1}", "{\"a\":1,}", "{a:1}", "{\"a\":\"\n\"}", "{\"a\":nul}"})
    EXPECT_FALSE(is_json_object(wrong)) << wrong;
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "{\"a\":";
  EXPECT_FALSE(is_json_object(deep));
}

}  // namespace
}  // namespace tasks::cli
