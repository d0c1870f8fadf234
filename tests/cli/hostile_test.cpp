// What a target says of itself costs whoever looks at it no more than what it has: each of these took minutes, or for
// ever. run() has the only deadline.

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "support/program.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

outcome tasks_command(std::vector<std::string> words) {
  words.insert(words.begin(), tasks_executable());
  return run(words);
}

constexpr const char* damaged = "its registry is damaged or cannot be read in part";

struct forgery {
  const char* form;
  const char* tasks;  ///< that are left
};
void PrintTo(const forgery& f, std::ostream* out) { *out << f.form; }
class ForgedRegistry : public ::testing::TestWithParam<forgery> {};
INSTANTIATE_TEST_SUITE_P(Forms, ForgedRegistry,
                         ::testing::Values(forgery{"repeated", "tasks: 4095\n"},
                                           forgery{"overlapping", "tasks: 4095\n"},
                                           forgery{"reserved", "tasks: 4095\n"}, forgery{"circular", "tasks: "}));

TEST_P(ForgedRegistry, IsReadOnceAndSaidToBeDamaged) {
  const program target({program_path("forged_registry"), GetParam().form});
  const auto seen = tasks_command({"vitals", target.pid_text()});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_THAT(seen.out, HasSubstr(GetParam().tasks));
  EXPECT_THAT(seen.out, HasSubstr(damaged));
  const auto listed = tasks_command({"list"});
  EXPECT_THAT(listed.out, HasSubstr("forged_registry"));
}

TEST(ForgedLabels, ThatLeadInACircleComeToAnEnd) {
  const program target({program_path("forged_registry"), "labelled"});
  const auto seen = tasks_command({"stack", target.pid_text()});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
}

/// A copy of a program that says where its debug information is: in a FIFO.
class Fifo : public ::testing::Test {
 protected:
  Fifo() {
    char name[] = "/tmp/tasks-test-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~Fifo() override { fs::remove_all(folder_); }
  [[nodiscard]] std::string in_folder(const char* name) const { return folder_ + "/" + name; }

 private:
  std::string folder_;
};

TEST_F(Fifo, ThatADebugLinkNamesIsNotOpened) {
  // objcopy reads the file that it makes a link to.
  std::ofstream(in_folder("fifo")) << "some";
  ASSERT_EQ(run({"objcopy", "--strip-debug", "--add-gnu-debuglink=" + in_folder("fifo"),
                 program_path("note_holder_pie"), in_folder("copy")})
                .end.code,
            0);
  fs::remove(in_folder("fifo"));
  ASSERT_EQ(::mkfifo(in_folder("fifo").c_str(), 0600), 0);
  const program target({in_folder("copy")});
  const auto seen = tasks_command({"threads", target.pid_text()});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_THAT(seen.out, HasSubstr("main()"));
}

// An executable with sanitizers has libstdc++ as a shared library.
#if defined(__has_feature)
#  if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#    define SANITIZED
#  endif
#endif
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(SANITIZED)

class LongName : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Forms, LongName, ::testing::Values("pairs", "packs"));

TEST_P(LongName, IsShownAsTheSymbolHasIt) {
  const program target({program_path("long_names"), GetParam()});
  const auto seen = tasks_command({"threads", target.pid_text()});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_THAT(seen.out, HasSubstr("\n_Z5waitsI1PIiiE"));
}
#endif

}  // namespace
}  // namespace tasks::testing
