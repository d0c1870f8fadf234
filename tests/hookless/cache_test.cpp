// What is kept of a program's code between two looks at it: every view is the same with it and without, and nothing is
// believed that anybody else, or a disk, could have put there.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include "linux/elf_note.hpp"
#include "linux/memory.hpp"
#include "support/program.hpp"
#include "support/view.hpp"
#include "symbols/cache_folder.hpp"
#include "symbols/code_cache.hpp"

namespace tasks::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

namespace fs = std::filesystem;

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

/// Removed with all that is in it.
class folder {
 public:
  folder() {
    std::string name = (fs::temp_directory_path() / "tasks-cache-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder to be had");
    path_ = name;
  }
  ~folder() { fs::remove_all(path_); }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// In place of every source's name.
constexpr std::string_view forged_name = "forged.cpp";

/// As if another source had been found: whoever believes the file shows that.
cache::CodeFacts forged(cache::CodeFacts facts) {
  for (auto& body : *facts.mutable_lines())
    for (auto& line : *body.second.mutable_by_index()) line.second.set_file(std::string(forged_name));
  return facts;
}

/// Waits until all that a lab does at first is done.
void wait_until_at_rest(const program& lab, int tasks = 9) {
  static_cast<void>(stacks_at_rest(lab, tasks));
  wait_until_shown({"vitals", lab.pid_text()}, "workers: 2\n");
}

/// A folder to keep things in, empty at first.
class CacheFolder : public ::testing::Test {
 protected:
  /// Without what is kept.
  [[nodiscard]] static std::string cold(const std::vector<std::string>& words) {
    return say(words, {"TASKS_CACHE=off"});
  }
  /// With what is kept in this test's own folder; keeps what is new.
  [[nodiscard]] std::string warm(const std::vector<std::string>& words) const { return say(words, kept_here()); }
  [[nodiscard]] environment kept_here() const { return {"TASKS_CACHE", "XDG_CACHE_HOME=" + home_.path().string()}; }
  [[nodiscard]] fs::path kept() const { return home_.path() / "tasks"; }
  [[nodiscard]] std::vector<fs::path> files() const {
    std::vector<fs::path> all;
    if (fs::exists(kept()))
      for (const auto& each : fs::directory_iterator(kept())) all.push_back(each.path());
    return all;
  }
  /// What a writer has left behind.
  [[nodiscard]] std::vector<fs::path> unfinished() const {
    auto all = files();
    std::erase_if(all, [](const fs::path& each) { return each.filename().string()[0] != '.'; });
    return all;
  }
  /// The program's own: its libraries have no coroutines.
  [[nodiscard]] fs::path file() const {
    for (const auto& each : files())
      if (const auto facts = cli::unseal(bytes_of(each)); facts && facts->lines_size() != 0) return each;
    throw std::runtime_error("nothing was kept");
  }
  /// The file as it is, but with lines that are not the program's.
  void forge(const fs::path& at) const { put(at, cli::seal(forged(*cli::unseal(bytes_of(at))))); }
  /// What `tasks WORDS` prints, without the times in it.
  [[nodiscard]] static std::string say(std::vector<std::string> words, const environment& env) {
    words.insert(words.begin(), tasks_executable());
    const auto seen = run(words, env);
    // Time goes on from one look to the next.
    static const std::regex times(
        R"(\bin [0-9]+[0-9a-z]*|expiresInSeconds":[-0-9.]+|stopped [0-9.]+ ms|[0-9.]+m?s in all| +[0-9]+\.[0-9]  )");
    return std::regex_replace(seen.out + seen.err, times, "…");
  }

  folder home_;
};

/// And a program that is at rest.
class Cache : public CacheFolder {
 protected:
  Cache() : lab_({program_path("lab_plain")}) { wait_until_at_rest(lab_); }

  [[nodiscard]] std::string cold_stack() const { return cold({"stack", lab_.pid_text()}); }
  [[nodiscard]] std::string warm_stack() const { return warm({"stack", lab_.pid_text()}); }
  /// Keeps what a look finds, which it then forges.
  [[nodiscard]] fs::path forged_file() const {
    static_cast<void>(warm_stack());
    forge(file());
    return file();
  }

  program lab_;
};

TEST_F(Cache, LeavesEveryViewAsItIs) {
  const auto pid = lab_.pid_text();
  const std::vector<std::vector<std::string>> views = {{"stack", pid},
                                                       {"stack", pid, "--json"},
                                                       {"stack", pid, "--all-frames"},
                                                       {"stack", pid, "--group"},
                                                       {"vitals", pid},
                                                       {"tree", pid, "--json"},
                                                       {"stack", pid, "--locals"},
                                                       {"channels", pid},
                                                       {"operations", pid},
                                                       {"list", "--json", "lab"},
                                                       {"leaks", pid}};
  for (const auto& words : views) {
    const auto expected = cold(words);
    EXPECT_EQ(warm(words), expected) << words[0] << ' ' << words.back() << ", which keeps something";
    EXPECT_EQ(warm(words), expected) << words[0] << ' ' << words.back() << ", which finds it";
  }
  EXPECT_THAT(cold_stack(), HasSubstr("lab.cpp:"));
}

/// A mistake of the lab's, and how many tasks it has then.
class CacheOfALeakingLab : public CacheFolder, public ::testing::WithParamInterface<std::pair<std::string, int>> {};

/// What is proven depends on every address at which functions of libc's are known on the threads' stacks.
TEST_P(CacheOfALeakingLab, LeavesProofsAsTheyAre) {
  const auto& [mistake, tasks] = GetParam();
  // A word that was left behind may hide leaks at one of fifty starts.
  constexpr int most_starts = 5;
  bool is_proven = false;
  for (int start = 0; start < most_starts && !is_proven; ++start) {
    const program lab({program_path("lab_plain"), "--leak", mistake});
    wait_until_at_rest(lab, tasks);
    const auto pid = lab.pid_text();
    is_proven = cold({"leaks", pid}).find("proven: ") != std::string::npos;
    const std::vector<std::vector<std::string>> views = {
        {"leaks", pid}, {"stack", pid}, {"threads", pid, "--all-frames"}, {"stack", pid, "--json"}, {"channels", pid}};
    for (const auto& words : views) {
      const auto expected = cold(words);
      fs::remove_all(kept());
      EXPECT_EQ(warm(words), expected) << words.front() << ", which keeps something";
      EXPECT_THAT(files(), Not(IsEmpty()));
      EXPECT_EQ(warm(words), expected) << words.front() << ", which finds it";
    }
    for (const auto& words : views) EXPECT_EQ(warm(words), cold(words)) << words.front() << " with what others kept";
  }
  EXPECT_TRUE(is_proven);
}

INSTANTIATE_TEST_SUITE_P(EachMistake, CacheOfALeakingLab,
                         ::testing::Values(std::pair("receive", 12), std::pair("send", 11), std::pair("cycle", 11)),
                         [](const auto& mistake) { return mistake.param.first; });

TEST_F(Cache, LeavesViewsOfACoreAsTheyAre) {
  const auto made = run({"gcore", "-o", (home_.path() / "core").string(), lab_.pid_text()});
  const auto core = (home_.path() / ("core." + lab_.pid_text())).string();
  ASSERT_TRUE(fs::exists(core)) << made.err;
  const auto expected = cold({"stack", "--core", core});
  EXPECT_THAT(expected, HasSubstr("lab.cpp:"));
  EXPECT_EQ(warm({"stack", "--core", core}), expected);
  EXPECT_EQ(warm({"stack", "--core", core}), expected);
}

TEST_F(Cache, IsWhereALookFindsItsLines) {
  static_cast<void>(forged_file());
  EXPECT_THAT(warm_stack(), HasSubstr(forged_name));
  EXPECT_EQ(cold_stack().find(forged_name), std::string::npos);
}

TEST_F(Cache, HasTheLineOfEveryTask) {
  static_cast<void>(forged_file());
  EXPECT_THAT(warm_stack(), Not(HasSubstr("lab.cpp:")));
}

/// Such as those of the global offset table, which say which of two ways a body goes.
TEST_F(Cache, IsIgnoredWhereAProcessHasOtherWordsThanDecidedIt) {
  const auto expected = cold_stack();
  cache::Word word;
  word.set_address(0);
  word.set_size(4);
  const std::string begin =
      "\x7f"
      "ELF";
  const auto add = [&](std::uint64_t change) {
    const auto at = forged_file();
    auto facts = *cli::unseal(bytes_of(at));
    std::uint64_t value = 0;
    std::memcpy(&value, begin.data(), begin.size());
    word.set_value(value + change);
    *facts.add_words() = word;
    put(at, cli::seal(facts));
  };
  add(0);
  EXPECT_THAT(warm_stack(), HasSubstr(forged_name));
  fs::remove_all(kept());
  add(1);
  EXPECT_EQ(warm_stack(), expected);
  for (int i = 0; i < 3; ++i) {
    fs::remove_all(kept());
    const auto at = forged_file();
    auto facts = *cli::unseal(bytes_of(at));
    if (i >= facts.words_size()) break;
    auto& its = *facts.mutable_words(i);
    its.set_value(its.value() + 8);
    put(at, cli::seal(facts));
    EXPECT_EQ(warm_stack(), expected) << i;
  }
}

TEST_F(Cache, IsForItsUserAlone) {
  static_cast<void>(warm_stack());
  struct stat its {};
  ASSERT_EQ(::stat(kept().c_str(), &its), 0);
  EXPECT_EQ(its.st_mode & 07777U, 0700U);
  ASSERT_THAT(files(), Not(IsEmpty()));
  for (const auto& each : files()) {
    ASSERT_EQ(::stat(each.c_str(), &its), 0);
    EXPECT_EQ(its.st_mode & 07777U, 0600U) << each;
  }
}

TEST_F(Cache, IsIgnoredWhereItIsDamagedOrCutOff) {
  const auto at = forged_file();
  const auto expected = cold_stack();
  const auto whole = bytes_of(at);
  for (const auto size : {std::size_t{0}, std::size_t{7}, std::size_t{24}, whole.size() / 2, whole.size() - 1}) {
    put(at, whole.substr(0, size));
    EXPECT_EQ(warm_stack(), expected) << "the first " << size << " bytes";
  }
  for (const auto place : {std::size_t{0}, std::size_t{17}, std::size_t{40}, whole.size() / 2, whole.size() - 1}) {
    auto damaged = whole;
    damaged[place] = static_cast<char>(damaged[place] ^ 4);
    put(at, damaged);
    EXPECT_EQ(warm_stack(), expected) << "byte " << place;
  }
}

TEST_F(Cache, IsIgnoredWhereAnotherVersionHasWrittenIt) {
  const auto at = forged_file();
  auto bytes = bytes_of(at);
  constexpr std::size_t version = 8;
  bytes[version] = static_cast<char>(bytes[version] + 1);
  put(at, bytes);
  EXPECT_EQ(warm_stack(), cold_stack());
}

TEST_F(Cache, IsNoWayToLayoutsThatNoCompilerMakes) {
  static_cast<void>(warm_stack());
  auto facts = *cli::unseal(bytes_of(file()));
  ASSERT_NE(facts.layouts_size(), 0);
  for (auto& each : *facts.mutable_layouts()) each.second.set_index_size(4096);
  put(file(), cli::seal(facts));
  EXPECT_EQ(warm_stack(), cold_stack());
}

TEST_F(Cache, IsReadAnewWhereItsColumnsDoNotMatch) {
  const auto expected = cold_stack();
  static_cast<void>(warm_stack());
  const auto at = file();
  const auto good = *cli::unseal(bytes_of(at));
  ASSERT_TRUE(good.has_coroutines());
  const std::vector<std::function<void(cache::CoroutineSymbols&)>> changes = {
      [](auto& symbols) { symbols.mutable_addresses()->RemoveLast(); }, [](auto& symbols) { symbols.add_sizes(1); },
      [](auto& symbols) { symbols.mutable_names()->pop_back(); },
      [](auto& symbols) { symbols.set_roles(0, 0xffff'ffff); }};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    auto facts = good;
    changes[i](*facts.mutable_coroutines());
    put(at, cli::seal(facts));
    EXPECT_EQ(warm_stack(), expected) << i;
  }
}

TEST_F(Cache, BreaksNothingWhereItsNumbersAreAbsurd) {
  static_cast<void>(warm_stack());
  static_cast<void>(warm({"leaks", lab_.pid_text()}));
  const auto at = file();
  const auto good = *cli::unseal(bytes_of(at));
  for (const std::uint64_t number : {~std::uint64_t{0}, std::uint64_t{1} << 63, std::uint64_t{1}}) {
    const std::vector<std::function<void(cache::CodeFacts&)>> changes = {
        [&](auto& facts) {
          for (auto& each : *facts.mutable_coroutines()->mutable_addresses()) each += number;
          for (auto& each : *facts.mutable_coroutines()->mutable_sizes()) each = number;
        },
        [&](auto& facts) {
          for (auto& [_, its] : *facts.mutable_layouts())
            for (auto set : {&cache::FrameLayout::set_size, &cache::FrameLayout::set_promise,
                             &cache::FrameLayout::set_index, &cache::FrameLayout::set_coro})
              (its.*set)(number);
        },
        [&](auto& facts) {
          for (auto& [_, its] : *facts.mutable_symbols()) {
            its.set_address(number);
            its.set_size(~number);
          }
        },
        [&](auto& facts) {
          for (auto& [_, its] : *facts.mutable_recycled())
            for (auto& place : *its.mutable_places()) {
              place.set_distance(static_cast<std::int64_t>(number));
              place.set_count(static_cast<std::uint32_t>(number));
            }
        }};
    for (std::size_t i = 0; i < changes.size(); ++i)
      for (const char* view : {"stack", "leaks"}) {
        auto facts = good;
        changes[i](facts);
        put(at, cli::seal(facts));
        const auto seen = run({tasks_executable(), view, lab_.pid_text()}, kept_here());
        EXPECT_EQ(seen.end.signal, 0) << i << ' ' << view << ' ' << number << seen.err;
      }
  }
}

TEST_F(Cache, IsIgnoredWhereItIsOfOtherFilesOrAnotherWriter) {
  const auto expected = cold_stack();
  const std::vector<std::function<void(cache::CodeFacts&)>> changes = {
      [](auto& facts) { facts.mutable_file()->set_inode(facts.file().inode() + 1); },
      [](auto& facts) { facts.mutable_file()->set_device(facts.file().device() + 1); },
      [](auto& facts) { facts.mutable_file()->set_size(facts.file().size() + 1); },
      [](auto& facts) { facts.mutable_file()->set_modified_ns(facts.file().modified_ns() + 1); },
      [](auto& facts) { facts.mutable_file()->set_changed_ns(facts.file().changed_ns() + 1); },
      [](auto& facts) { *facts.mutable_debug_file() = facts.file(); },
      [](auto& facts) { facts.mutable_made_by()->set_changed_ns(facts.made_by().changed_ns() - 1); },
      [](auto& facts) { facts.mutable_made_with()->append("1"); },
      [](auto& facts) { facts.mutable_build_id()->back() ^= 1; }};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const auto at = forged_file();
    auto facts = *cli::unseal(bytes_of(at));
    changes[i](facts);
    put(at, cli::seal(facts));
    EXPECT_EQ(warm_stack(), expected) << i;
  }
}

TEST_F(Cache, IsIgnoredWhereOthersMayWriteToIt) {
  const auto expected = cold_stack();
  auto at = forged_file();
  ASSERT_EQ(::chmod(at.c_str(), 0620), 0);
  EXPECT_EQ(warm_stack(), expected) << "a file";
  at = forged_file();
  ASSERT_EQ(::chmod(kept().c_str(), 0770), 0);
  EXPECT_EQ(warm_stack(), expected) << "the folder";
  ASSERT_EQ(::chmod(kept().c_str(), 0700), 0);
  at = forged_file();
  ASSERT_EQ(::chmod(home_.path().c_str(), 0777), 0);
  EXPECT_EQ(warm_stack(), expected) << "the folder that it is in";
}

TEST_F(Cache, IsIgnoredWhereItIsNoFileOrTooLarge) {
  const auto expected = cold_stack();
  const auto at = forged_file();
  fs::resize_file(at, cli::cache_folder::largest_file + 1);
  EXPECT_EQ(warm_stack(), expected);
  fs::remove(at);
  ASSERT_EQ(::mkfifo(at.c_str(), S_IRUSR | S_IWUSR), 0);
  EXPECT_EQ(warm_stack(), expected) << "a pipe";
  EXPECT_TRUE(fs::is_regular_file(at)) << "what was found was not kept in its place";
  fs::remove(at);
  fs::create_directory(at);
  EXPECT_EQ(warm_stack(), expected) << "a folder";
  EXPECT_TRUE(fs::is_directory(at));
  EXPECT_THAT(unfinished(), IsEmpty());
}

TEST_F(Cache, IsWholeWhoeverWritesItAtOnce) {
  const auto expected = cold_stack();
  constexpr std::size_t writers = 6;
  for (int round = 0; round < 3; ++round) {
    fs::remove_all(kept());
    std::vector<std::future<std::string>> looks;
    for (std::size_t i = 0; i < writers; ++i)
      looks.push_back(std::async(std::launch::async, [this] { return warm_stack(); }));
    for (auto& each : looks) EXPECT_EQ(each.get(), expected);
    EXPECT_THAT(unfinished(), IsEmpty());
    for (const auto& each : files()) EXPECT_TRUE(cli::unseal(bytes_of(each))) << each;
    EXPECT_EQ(warm_stack(), expected);
  }
  static_cast<void>(forged_file());
  EXPECT_THAT(warm_stack(), HasSubstr(forged_name));
}

TEST_F(Cache, IsIgnoredWhereItLivesButMayNotBeWritten) {
  const auto expected = cold_stack();
  static_cast<void>(warm_stack());
  ASSERT_EQ(::chmod(kept().c_str(), 0500), 0);
  EXPECT_EQ(warm_stack(), expected);
  fs::remove(file());
  EXPECT_EQ(warm_stack(), expected);
  ASSERT_EQ(::chmod(kept().c_str(), 0700), 0);
}

TEST_F(Cache, IsIgnoredWhereItIsALink) {
  const auto expected = cold_stack();
  const auto at = forged_file(), elsewhere = home_.path() / "elsewhere";
  fs::rename(at, elsewhere);
  fs::create_symlink(elsewhere, at);
  EXPECT_EQ(warm_stack(), expected) << "a file";
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(at))) << "what was found was not kept in its place";
  forge(file());
  const auto other = home_.path() / "other";
  fs::rename(kept(), other);
  fs::create_symlink(other, kept());
  EXPECT_EQ(warm_stack(), expected) << "the folder";
}

TEST_F(Cache, IsIgnoredWhereItIsAnotherUsers) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  constexpr uid_t other = 65534;
  const auto expected = cold_stack();
  auto at = forged_file();
  ASSERT_EQ(::chown(at.c_str(), other, other), 0);
  EXPECT_EQ(warm_stack(), expected) << "a file";
  for (const auto& each : {kept(), home_.path()}) {
    at = forged_file();
    ASSERT_EQ(::chown(each.c_str(), other, other), 0);
    EXPECT_EQ(warm_stack(), expected) << each;
    ASSERT_EQ(::chown(each.c_str(), 0, 0), 0);
  }
}

TEST_F(Cache, KeepsNothingWhereItCannot) {
  const auto pid = lab_.pid_text();
  const auto expected = cold_stack();
  const std::vector<environment> without = {{"TASKS_CACHE", "XDG_CACHE_HOME", "HOME"},
                                            {"TASKS_CACHE", "XDG_CACHE_HOME=relative", "HOME=relative"},
                                            {"TASKS_CACHE", "XDG_CACHE_HOME=/proc/tasks"},
                                            {"TASKS_CACHE", "XDG_CACHE_HOME=/dev/null"},
                                            {"TASKS_CACHE", "XDG_CACHE_HOME", "HOME=/proc/self"},
                                            {"TASKS_CACHE=off", "XDG_CACHE_HOME=" + home_.path().string()}};
  for (const auto& env : without) {
    EXPECT_EQ(say({"stack", pid}, env), expected) << env[1];
  }
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(Cache, IsInTheHomeOfWhoHasNoOtherPlace) {
  const auto seen = run({tasks_executable(), "stack", lab_.pid_text()},
                        {"TASKS_CACHE", "XDG_CACHE_HOME", "HOME=" + home_.path().string()});
  EXPECT_EQ(seen.end.code, 0);
  EXPECT_TRUE(fs::exists(home_.path() / ".cache" / "tasks"));
}

TEST_F(Cache, DropsTheOldestWhereItGrowsTooLarge) {
  const auto old = kept() / "old", young = kept() / "young";
  fs::create_directory(kept());
  ASSERT_EQ(::chmod(kept().c_str(), 0700), 0);
  for (const auto& each : {old, young}) {
    put(each, "");
    fs::resize_file(each, cli::cache_folder::most_bytes / 2);
  }
  fs::last_write_time(old, fs::last_write_time(young) - std::chrono::hours(1));
  static_cast<void>(warm_stack());
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(young));
  EXPECT_NO_THROW(static_cast<void>(file()));
}

/// Programs that come and go at one path.
class CacheOfACopy : public Cache {
 protected:
  [[nodiscard]] fs::path path() const { return home_.path() / "program"; }
  /// As a linker does: a new file.
  void put_there(const std::string& bytes) const {
    fs::remove(path());
    put(path(), bytes);
    fs::permissions(path(), fs::perms::owner_all);
  }
  [[nodiscard]] static std::string lab() { return bytes_of(program_path("lab_plain")); }
  /// Its stack from the cache, and the same without.
  [[nodiscard]] std::pair<std::string, std::string> look() const {
    const program runs({path().string()});
    const std::vector<std::string> words = {"stack", runs.pid_text(), "--group"};
    wait_until_at_rest(runs);
    return {warm(words), cold(words)};
  }
  [[nodiscard]] std::string build_id() const {
    const auto memory = cli::process_memory(lab_.pid());
    return cli::build_id_at(
        [&](std::uint64_t at, void* to, std::size_t size) { return memory->read(at, to, size) == size; },
        memory->regions().front().begin);
  }
};

TEST_F(CacheOfACopy, IsIgnoredWhenTheProgramWasBuiltAnew) {
  put_there(lab());
  static_cast<void>(look());
  forge(file());
  EXPECT_THAT(look().first, HasSubstr(forged_name));
  // The same build id: the very same bytes.
  put_there(lab());
  const auto [seen, expected] = look();
  EXPECT_EQ(seen, expected);
  EXPECT_THAT(seen, Not(HasSubstr(forged_name)));
}

TEST_F(CacheOfACopy, IsIgnoredWhenTheProgramWasWrittenOver) {
  put_there(lab());
  static_cast<void>(look());
  forge(file());
  struct stat before {
  }, after{};
  ASSERT_EQ(::stat(path().c_str(), &before), 0);
  put(path(), lab());
  const struct timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, path().c_str(), times, 0), 0);
  ASSERT_EQ(::stat(path().c_str(), &after), 0);
  ASSERT_EQ(after.st_ino, before.st_ino);
  const auto [seen, expected] = look();
  EXPECT_EQ(seen, expected);
  EXPECT_THAT(seen, Not(HasSubstr(forged_name)));
}

/// Debug information in a file apart: all symbols too, or not.
class CacheOfAStrippedCopy : public CacheOfACopy, public ::testing::WithParamInterface<std::string> {
 protected:
  CacheOfAStrippedCopy() {
    put_there(lab());
    objcopy({"--only-keep-debug", path().string(), debug_file().string()});
    objcopy({GetParam(), "--add-gnu-debuglink=" + debug_file().string(), path().string()});
  }
  [[nodiscard]] fs::path debug_file() const { return home_.path() / "program.debug"; }
  static void objcopy(std::vector<std::string> words) {
    words.insert(words.begin(), "objcopy");
    const auto done = run(words);
    if (done.end.code != 0) throw std::runtime_error(done.err);
  }
};

TEST_P(CacheOfAStrippedCopy, FollowsItsDebugFile) {
  const auto [first, expected] = look();
  EXPECT_EQ(first, expected);
  EXPECT_THAT(expected, HasSubstr("lab.cpp:"));
  forge(file());
  EXPECT_THAT(look().first, HasSubstr(forged_name));
  const auto debug = bytes_of(debug_file());
  fs::remove(debug_file());
  put(debug_file(), debug);
  const auto [again, same] = look();
  EXPECT_EQ(again, same) << "another file of the same bytes";
  EXPECT_THAT(same, HasSubstr("lab.cpp:"));
}

TEST_P(CacheOfAStrippedCopy, ProvesLeaksAsWithout) {
  const program leaks({path().string(), "--leak", "receive"});
  wait_until_at_rest(leaks, 12);
  for (const std::vector<std::string>& words : {std::vector<std::string>{"leaks", leaks.pid_text()},
                                                {"stack", leaks.pid_text()},
                                                {"threads", leaks.pid_text(), "--all-frames"}}) {
    const auto expected = cold(words);
    EXPECT_EQ(warm(words), expected) << words.front() << ", which keeps something";
    EXPECT_EQ(warm(words), expected) << words.front() << ", which finds it";
  }
}

INSTANTIATE_TEST_SUITE_P(Of, CacheOfAStrippedCopy, ::testing::Values("--strip-all", "--strip-debug"),
                         [](const auto& way) { return way.param == "--strip-all" ? "Symbols" : "DebugInformation"; });

TEST_F(CacheOfACopy, IsNotToldByABuildIdThatSomebodyForged) {
  const auto id = build_id();
  ASSERT_FALSE(id.empty());
  auto other = bytes_of(program_path("coroutines_2"));
  {
    const program runs({program_path("coroutines_2")});
    const auto memory = cli::process_memory(runs.pid());
    const auto its = cli::build_id_at(
        [&](std::uint64_t at, void* to, std::size_t size) { return memory->read(at, to, size) == size; },
        memory->regions().front().begin);
    const auto at = other.find(its);
    ASSERT_NE(at, other.npos);
    ASSERT_EQ(its.size(), id.size());
    other.replace(at, id.size(), id);
  }
  put_there(other);
  const program forger({path().string()});
  const auto stack_of = [&](const program& its) { return std::vector<std::string>{"stack", its.pid_text()}; };
  const auto expected = cold(stack_of(forger)), expected_of_lab = cold_stack();
  EXPECT_EQ(warm(stack_of(forger)), expected);
  EXPECT_EQ(warm_stack(), expected_of_lab);
  EXPECT_EQ(warm(stack_of(forger)), expected);
  EXPECT_EQ(warm_stack(), expected_of_lab);
}

}  // namespace
}  // namespace tasks::testing
