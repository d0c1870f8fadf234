// Cores as they really come: compressed, cut off, of another build, and kept by systemd.

#include <elf.h>
#include <errno.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

#include "support/program.hpp"
#include "target/core_file.hpp"
#include "target/core_store.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

outcome tasks_command(std::vector<std::string> words, const environment& env = {}) {
  words.insert(words.begin(), tasks_executable());
  return run(words, env);
}

outcome shell(const std::string& script, const environment& env = {}) { return run({"sh", "-c", script}, env); }

/// One core for all of them, as gdb makes it of a program with a leak.
class StoredCore : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    char name[] = "/tmp/tasks-test-XXXXXX";
    suite_ = ::mkdtemp(name);
    program lab({program_path("lab"), "--leak", "send"});
    wait_until_shown({"stack", "--kind", "channel-send", "-p", lab.pid_text()}, "ask_replica");
    pid_ = lab.pid_text();
    const auto made = run({"gcore", "-o", (suite_ / "gcore").string(), pid_});
    ASSERT_EQ(made.end.code, 0) << made.err;
    core_ = suite_ / ("gcore." + pid_);
  }
  static void TearDownTestSuite() { fs::remove_all(suite_); }

  void SetUp() override {
    folder_ = suite_ / "of one test";
    fs::create_directory(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// A file of that name in the test's folder, which `command` has made of the core.
  [[nodiscard]] fs::path packed(const std::string& command, const std::string& name) const {
    return packed_file(command, core_, name);
  }
  [[nodiscard]] fs::path packed_file(const std::string& command, const fs::path& file, const std::string& name) const {
    const auto made = shell(command + " -c '" + file.string() + "' > '" + (folder_ / name).string() + "'");
    EXPECT_EQ(made.end.code, 0) << made.err;
    return folder_ / name;
  }
  [[nodiscard]] static bool has(const std::string& command) {
    return shell("command -v " + command + " > /dev/null").end.code == 0;
  }
  /// What the core says while it is no more than a file.
  [[nodiscard]] static std::string plain_stacks() { return tasks_command({"stack", "--json", "--core", core_}).out; }

  /// As systemd calls it, with the time of its crash.
  [[nodiscard]] std::string stored_name(const std::string& command, const std::string& pid,
                                        const std::string& seconds) const {
    return "core." + command + ".1000.1b2c3d4e5f601b2c3d4e5f601b2c3d4e." + pid + "." + seconds + "000000";
  }

  static inline fs::path suite_, core_;
  static inline std::string pid_;
  fs::path folder_;
};

struct packer {
  const char* command;
  const char* format;
};
class Packed : public StoredCore, public ::testing::WithParamInterface<packer> {
 protected:
  void SetUp() override {
    StoredCore::SetUp();
    const std::string command = GetParam().command;
    if (!has(command.substr(0, command.find(' ')))) GTEST_SKIP() << "no " << command;
  }
};
INSTANTIATE_TEST_SUITE_P(By, Packed,
                         ::testing::Values(packer{"zstd -q -1", "zstd"}, packer{"lz4 -q -1", "lz4"},
                                           packer{"xz -q -0", "xz"}, packer{"gzip -1", "gzip"}),
                         [](const auto& parameter) { return std::string(parameter.param.format); });

TEST_P(Packed, ReadsAsWhatIsInIt) {
  // Its name does not say what it is.
  const auto seen = tasks_command({"stack", "--json", "--core", packed(GetParam().command, "core").string()});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_THAT(seen.out, HasSubstr("lab::worker"));
  EXPECT_EQ(seen.out, plain_stacks());
}

TEST_P(Packed, LeavesNothingBehind) {
  const auto file = packed(GetParam().command, "core");
  const auto room = folder_ / "room";
  fs::create_directory(room);
  const auto seen = tasks_command({"vitals", "--core", file.string()}, {"TMPDIR=" + room.string()});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_TRUE(fs::is_empty(room));
}

TEST_P(Packed, ThatIsCutOffSaysSo) {
  const auto file = packed(GetParam().command, "core");
  const auto size = fs::file_size(file);
  for (const auto part : {size - 1, size / 2, size / 10, std::uintmax_t{7}}) {
    fs::resize_file(file, part);
    const auto seen = tasks_command({"stack", "--core", file.string()});
    EXPECT_EQ(seen.end.signal, 0) << part;
    EXPECT_THAT(seen.end.code, AnyOf(0, 1)) << part;
    // The last byte may be nothing but the end of a checksum of what is there.
    if (part < size - 1) {
      EXPECT_THAT(seen.err, HasSubstr(std::string("its ") + GetParam().format + " data is cut off")) << part;
    }
  }
}

TEST_P(Packed, ThatIsDamagedSaysSo) {
  const auto file = packed(GetParam().command, "core");
  // Other bytes than there were: LZ4 has a long run of one byte where memory is zeros.
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  const auto middle = static_cast<std::streamoff>(fs::file_size(file) / 2);
  std::string part(64, '\0');
  bytes.seekg(middle).read(part.data(), static_cast<std::streamsize>(part.size()));
  for (char& each : part) each = static_cast<char>(~each);
  bytes.seekp(middle).write(part.data(), static_cast<std::streamsize>(part.size()));
  bytes.close();
  const auto seen = tasks_command({"leaks", "--core", file.string()});
  EXPECT_EQ(seen.end.signal, 0);
  EXPECT_THAT(seen.err, AnyOf(HasSubstr(std::string("its ") + GetParam().format + " data is damaged"),
                              HasSubstr("data is cut off")));
  EXPECT_THAT(seen.out, Not(StartsWith("proven:")));
  EXPECT_EQ(seen.end.code, 4);
}

TEST_P(Packed, OfSeveralPartsIsOne) {
  ASSERT_EQ(shell("cd '" + folder_.string() + "' && head -c 30000000 '" + core_.string() +
                  "' > 1 && tail -c +30000001 '" + core_.string() + "' > 2")
                .end.code,
            0);
  const auto made =
      shell("cd '" + folder_.string() + "' && for i in 1 2; do " + GetParam().command + " -c $i; done > core");
  ASSERT_EQ(made.end.code, 0) << made.err;
  EXPECT_EQ(tasks_command({"stack", "--json", "--core", (folder_ / "core").string()}).out, plain_stacks());
}

TEST_F(StoredCore, ThatClaimsToBeEndlessIsRefusedInALine) {
  struct {
    Elf64_Ehdr file{};
    Elf64_Phdr part{};
  } forged;
  std::memcpy(forged.file.e_ident, ELFMAG, SELFMAG);
  forged.file.e_ident[EI_CLASS] = ELFCLASS64;
  forged.file.e_ident[EI_DATA] = ELFDATA2LSB;
  forged.file.e_ident[EI_VERSION] = EV_CURRENT;
  forged.file.e_type = ET_CORE;
  forged.file.e_machine = EM_X86_64;
  forged.file.e_version = EV_CURRENT;
  forged.file.e_phoff = sizeof forged.file;
  forged.file.e_ehsize = sizeof forged.file;
  forged.file.e_phentsize = sizeof forged.part;
  forged.file.e_phnum = 1;
  forged.part.p_type = PT_LOAD;
  forged.part.p_offset = 4096;
  forged.part.p_filesz = forged.part.p_memsz = std::uint64_t{300} << 30;
  std::ofstream(folder_ / "forged", std::ios::binary).write(reinterpret_cast<const char*>(&forged), sizeof forged);
  ASSERT_EQ(shell("gzip '" + (folder_ / "forged").string() + "'").end.code, 0);
  const auto file = (folder_ / "forged.gz").string();
  EXPECT_EQ(tasks_command({"stack", "--core", file}).err,
            "tasks: core " + file +
                ": it is 300.0 GiB when it is unpacked, and no more than 256.0 GiB are (unpack it first)\n");
  ASSERT_EQ(shell("head -c 64M /dev/zero | gzip -1 > '" + (folder_ / "zeros").string() + "'").end.code, 0);
  EXPECT_THAT(tasks_command({"stack", "--core", (folder_ / "zeros").string()}).err,
              HasSubstr("is no core file: it has no ELF header"));
}

/// A copy of the core that speaks of so many more mappings, behind all else: as many as a program with many threads
/// has.
void write_with_more_headers(const fs::path& core, const fs::path& copy, std::size_t more) {
  fs::copy_file(core, copy, fs::copy_options::overwrite_existing);
  std::fstream bytes(copy, std::ios::binary | std::ios::in | std::ios::out);
  const auto read = [&](std::uint64_t at, auto* to, std::size_t size) {
    bytes.seekg(static_cast<std::streamoff>(at)).read(reinterpret_cast<char*>(to), static_cast<std::streamsize>(size));
  };
  const auto write = [&](std::uint64_t at, const auto* from, std::size_t size) {
    bytes.seekp(static_cast<std::streamoff>(at))
        .write(reinterpret_cast<const char*>(from), static_cast<std::streamsize>(size));
  };
  Elf64_Ehdr file;
  read(0, &file, sizeof file);
  std::vector<Elf64_Phdr> parts(file.e_phnum);
  read(file.e_phoff, parts.data(), parts.size() * sizeof(Elf64_Phdr));
  parts.resize(parts.size() + more);
  file.e_phoff = (fs::file_size(copy) + 7) / 8 * 8;
  file.e_phnum = static_cast<Elf64_Half>(std::min<std::size_t>(parts.size(), PN_XNUM));
  if (file.e_phnum == PN_XNUM) {
    ASSERT_NE(file.e_shnum, 0);
    Elf64_Shdr first;
    read(file.e_shoff, &first, sizeof first);
    first.sh_info = static_cast<Elf64_Word>(parts.size());
    write(file.e_shoff, &first, sizeof first);
  }
  write(file.e_phoff, parts.data(), parts.size() * sizeof(Elf64_Phdr));
  write(0, &file, sizeof file);
  ASSERT_TRUE(bytes.flush());
}

TEST_F(StoredCore, OfMoreMappingsThanItsFirstBytesTellOfIsReadWhole) {
  for (const std::size_t more : {std::size_t{20'000}, std::size_t{70'000}}) {
    write_with_more_headers(core_, folder_ / "many", more);
    const auto file = packed_file("gzip -1", folder_ / "many", "many.gz");
    const auto seen = tasks_command({"stack", "--json", "--core", file.string()});
    EXPECT_EQ(seen.end.code, 0) << more << seen.err;
    EXPECT_EQ(seen.err, "") << more;
    EXPECT_EQ(seen.out, plain_stacks()) << more;
  }
}

TEST_F(StoredCore, ForWhichThereIsNoRoomSaysWhatToDo) {
  if (run({"unshare", "-m", "true"}).end.code != 0) GTEST_SKIP() << "unshare -m is not permitted here";
  const auto file = packed("gzip -1", "core");
  const auto room = folder_ / "room";
  fs::create_directory(room);
  const auto seen = run({"unshare", "-m", "sh", "-c",
                         "mount -t tmpfs -o size=1m tmpfs \"$1\" && TMPDIR=$1 exec \"$2\" stack --core \"$3\"", "sh",
                         room.string(), tasks_executable(), file.string()});
  EXPECT_EQ(seen.end.code, 1);
  EXPECT_THAT(seen.err, ContainsRegex("^tasks: core [^\n]*: there is no room in [^\n]*room to unpack it: full after "
                                      "[0-9.]+ KiB \\(name a folder that has room: TMPDIR=FOLDER\\)\n$"));
}

TEST_F(StoredCore, ThatIsCutOffNamesWhatIsMissing) {
  const auto cut = folder_ / "cut";
  fs::copy_file(core_, cut);
  fs::resize_file(cut, fs::file_size(core_) / 2);
  const auto seen = tasks_command({"stack", "--core", cut.string()});
  EXPECT_THAT(seen.err,
              ContainsRegex(": the core is cut off: [0-9.]+ [KMG]iB of [0-9.]+ [KMG]iB of memory are missing, "
                            "of [0-9]+ mappings; tasks may be missing, and nothing is proven\n"));
  EXPECT_THAT(seen.err, ContainsRegex("\ntasks: core [^\n]*:   missing: (all|the last) [0-9.]+ [KMG]iB of "
                                      "[0-9a-f]+-[0-9a-f]+ (/|\\[stack\\]|anonymous memory)"));
}

/// Wherever it ends, nothing is proven of it, and nothing crashes.
void expect_nothing_proven_of_parts(const fs::path& core, const fs::path& cut) {
  ASSERT_THAT(tasks_command({"leaks", "--core", core}).out, StartsWith("proven: "));
  const auto size = fs::file_size(core);
  std::mt19937_64 random(20261130);
  // What is behind the last page of memory is nothing of the process's.
  std::vector<std::uintmax_t> parts = {size - 65536, 4096, 64, 63, 1, 0};
  for (int i = 0; i < 16; ++i) parts.push_back(random() % (size - 65536));
  std::sort(parts.rbegin(), parts.rend());
  fs::copy_file(core, cut, fs::copy_options::overwrite_existing);
  for (const auto part : parts) {
    fs::resize_file(cut, part);
    for (const std::vector<std::string>& view :
         {std::vector<std::string>{"leaks"}, {"leaks", "--no-hook"}, {"threads"}}) {
      auto words = view;
      words.insert(words.end(), {"--core", cut.string()});
      const auto seen = tasks_command(words);
      EXPECT_EQ(seen.end.signal, 0) << view.back() << " of the first " << part;
      // Leaks: not known.
      EXPECT_THAT(seen.end.code, view.front() == "leaks" ? AnyOf(1, 4) : AnyOf(0, 1)) << part << seen.out;
      EXPECT_THAT(seen.out,
                  AllOf(Not(StartsWith("no leaks:")), Not(StartsWith("proven:")), Not(HasSubstr("\nproven:"))))
          << view.back() << " of the first " << part;
      EXPECT_NE(seen.err, "") << part;
    }
  }
}

TEST_F(StoredCore, ThatIsCutOffAnywhereProvesNothing) { expect_nothing_proven_of_parts(core_, folder_ / "cut"); }

/// A core of the kernel's, whose notes come first. Empty: it writes none here.
fs::path kernel_core(const fs::path& folder, const std::string& filter) {
  std::ifstream pattern("/proc/sys/kernel/core_pattern");
  std::string where;
  std::getline(pattern, where);
  if (where.starts_with('|') || where.find('/') != std::string::npos) return {};
  program lab({"sh", "-c",
               "ulimit -c unlimited && echo " + filter + " > /proc/self/coredump_filter && cd '" + folder.string() +
                   "' && exec " + program_path("lab") + " --leak send"});
  wait_until_shown({"stack", "--kind", "channel-send", "-p", lab.pid_text()}, "ask_replica");
  lab.send_signal(SIGABRT);
  EXPECT_EQ(lab.wait().signal, SIGABRT);
  for (const auto& file : fs::directory_iterator(folder)) return file.path();
  return {};
}

TEST_F(StoredCore, OfTheKernelThatIsCutOffAnywhereProvesNothing) {
  const auto core = kernel_core(folder_, "0x33");
  if (core.empty()) GTEST_SKIP() << "the kernel writes no core here";
  expect_nothing_proven_of_parts(core, folder_ / "cut");
}

TEST_F(StoredCore, OfAnotherBuildSaysWhichFileItIs) {
  const auto place = folder_ / "lab";
  fs::copy_file(program_path("lab"), place);
  const auto core = (folder_ / "core").string();
  std::string pid;
  {
    program lab({place.string()});
    pid = lab.pid_text();
    // The kernel's setting has it dump the first page of each object, where build ids are.
    ASSERT_EQ(
        run({"gdb", "-batch", "-nx", "-p", pid, "-ex", "set use-coredump-filter on", "-ex", "gcore " + core}).end.code,
        0);
  }
  EXPECT_EQ(tasks_command({"stack", "--core", core}).err, "");
  fs::remove(place);
  fs::copy_file(program_path("churn"), place);
  const auto seen = tasks_command({"stack", "--core", core});
  EXPECT_THAT(seen.err, AnyOf(ContainsRegex(": " + place.string() +
                                            " is not the file that ran: its build id is [0-9a-f]+, that of the core "
                                            "[0-9a-f]+; names and lines of it are not known"),
                              HasSubstr(place.string() + " is newer than the core")));
  EXPECT_THAT(tasks_command({"stack", "--core", core, "--exe", program_path("lab")}).err,
              Not(HasSubstr("is not the file that ran")));
}

TEST_F(StoredCore, IsNamedByProcessOrProgram) {
  const environment store = {"TASKS_CORES=" + folder_.string()};
  fs::copy_file(core_, folder_ / stored_name("lab", "4711", "1700000000"));
  std::ofstream(folder_ / stored_name("other", "4712", "1700000001")) << "no core";
  for (const auto* word : {"4711", "lab"}) {
    const auto seen = tasks_command({"stack", "--core", word}, store);
    EXPECT_EQ(seen.end.code, 0) << seen.err;
    EXPECT_THAT(seen.out, HasSubstr("lab::worker"));
    EXPECT_THAT(seen.err, HasSubstr(std::string("tasks: core ") + word + ": this is lab (pid 4711)"));
    EXPECT_THAT(seen.err, HasSubstr(folder_.string()));
  }
  // The newest.
  std::ofstream(folder_ / stored_name("lab", "4713", "1700000002")) << "no core";
  EXPECT_THAT(tasks_command({"stack", "--core", "lab"}, store).err, HasSubstr("is no core file"));
  EXPECT_EQ(tasks_command({"stack", "--core", "lob"}, store).err,
            "tasks: core lob: there is no such file, and " + folder_.string() +
                " has no core of such a program (tasks list --cores shows those there are)\n");
}

/// Whoever may write into the folder does not drive the terminal of who reads it.
TEST_F(StoredCore, WhoseNameIsACommandForATerminalIsToldWithoutIt) {
  const environment store = {"TASKS_CORES=" + folder_.string()};
  const auto name = stored_name("a\x1b[31mred", "77", "1700000000");
  fs::rename(packed("gzip -1", "packed"), folder_ / (name + ".gz"));
  std::ofstream(folder_ / stored_name("b\x1b[31mred", "78", "1700000000"), std::ios::binary) << "no core";
  std::ofstream(folder_ / (stored_name("c\x1b[31mred", "79", "1700000000") + ".gz"), std::ios::binary)
      << "\x1f\x8b but damaged";
  const auto whole = tasks_command({"stack", "--core", "77"}, store);
  EXPECT_EQ(whole.end.code, 0) << whole.err;
  EXPECT_THAT(whole.err, HasSubstr("/core.a?[31mred.1000."));
  EXPECT_THAT(whole.err, Not(HasSubstr("\x1b")));
  const std::string words[] = {"78",
                               "79",
                               "\x1b[31m",
                               (folder_ / "\x1b[31m").string(),
                               (folder_ / stored_name("b\x1b[31mred", "78", "1700000000")).string(),
                               (folder_ / (stored_name("c\x1b[31mred", "79", "1700000000") + ".gz")).string()};
  for (const auto& word : words) {
    const auto seen = tasks_command({"stack", "--core", word}, store);
    EXPECT_NE(seen.err, "") << word;
    EXPECT_THAT(seen.err, Not(HasSubstr("\x1b")));
  }
}

TEST_F(StoredCore, OfAFileOfThatNameComesFirst) {
  fs::copy_file(core_, folder_ / stored_name("lab", "4711", "1700000000"));
  std::ofstream(folder_ / "lab") << "no core";
  const auto seen = shell("cd '" + folder_.string() + "' && exec " + tasks_executable() + " stack --core lab",
                          {"TASKS_CORES=" + folder_.string()});
  EXPECT_EQ(seen.err, "tasks: core lab: is no core file: it has no ELF header\n");
}

TEST_F(StoredCore, IsListedWithWhetherItHoldsTasks) {
  const environment store = {"TASKS_CORES=" + folder_.string()};
  const auto name = folder_ / (stored_name("lab", "4711", "1700000000") + ".gz");
  fs::rename(packed("gzip -1", "packed"), name);
  std::ofstream(folder_ / stored_name("other", "4712", "1700000001")) << "no core";
  const bool has_attributes = ::setxattr(name.c_str(), "user.coredump.signal", "11", 2, 0) == 0 &&
                              ::setxattr(name.c_str(), "user.coredump.exe", "/opt/labs/lab-server", 20, 0) == 0;
  if (!has_attributes) GTEST_SKIP() << "no extended attributes here";
  const auto seen = tasks_command({"list", "--cores"}, store);
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_THAT(seen.out, StartsWith("TIME                   PID  SIGNAL   "));
  EXPECT_THAT(seen.out,
              ContainsRegex("\n2023-11-1[45] [0-9:]{8}   4711  SIGSEGV  +[0-9.]+ [KM]iB  yes    lab-server\n"));
  EXPECT_THAT(
      seen.out,
      ContainsRegex("\n2023-11-1[45] [0-9:]{8}   4712  -        +7 B  \\?      other  \\(is no core file\\)\n"));
  EXPECT_LT(seen.out.find("4712"), seen.out.find("4711")) << "the newest first";
  EXPECT_THAT(tasks_command({"list", "--cores", "--json"}, store).out,
              HasSubstr("\"pid\":4711,\"uid\":1000,\"signal\":\"SIGSEGV\",\"program\":\"lab-server\",\"executable\":"
                        "\"/opt/labs/lab-server\",\"path\":\"" +
                        name.string() + "\""));
  EXPECT_THAT(tasks_command({"list", "--cores", "--json"}, store).out, HasSubstr("\"tasks\":\"HOOKED\""));
}

TEST_F(StoredCore, OfAProgramWithoutCoroutinesIsListedSo) {
  const auto dead = shell("cd '" + folder_.string() + "' && gcore -o cat $$ > /dev/null 2>&1");
  fs::path made;
  for (const auto& file : fs::directory_iterator(folder_)) made = file.path();
  if (made.empty()) GTEST_SKIP() << dead.err;
  fs::rename(made, folder_ / stored_name("sh", "17", "1700000000"));
  EXPECT_THAT(tasks_command({"list", "--cores"}, {"TASKS_CORES=" + folder_.string()}).out,
              ContainsRegex(" 17  [^\n]*  -      sh\n"));
}

TEST_F(StoredCore, ListOfNoneSaysWhereTheyGo) {
  const auto seen = tasks_command({"list", "--cores"}, {"TASKS_CORES=" + folder_.string()});
  EXPECT_EQ(seen.end.code, 0);
  EXPECT_THAT(seen.out, StartsWith("no cores in " + folder_.string() + "\n  "));
}

/// A stand-in for systemd's command, which prints what that of systemd 252 does.
TEST_F(StoredCore, OfTheJournalIsAskedOfItsCommand) {
  const auto bin = folder_ / "bin";
  fs::create_directory(bin);
  std::ofstream(bin / "coredumpctl")
      << "#!/bin/sh\nfor last; do :; done\n"
         "case \"$*\" in\n"
         "*--json=short*list) echo '[{\"time\":1700000000123456,\"pid\":94711,\"uid\":1000,\"gid\":1000,\"sig\":11,"
         "\"corefile\":\"journal\",\"exe\":\"/opt/labs/lab-server\",\"size\":null},{\"time\":1700000001123456,"
         "\"pid\":94712,\"uid\":0,\"gid\":0,\"sig\":6,\"corefile\":\"missing\",\"exe\":\"/opt/labs/gone-server\","
         "\"size\":null}]';;\n"
         "*dump*94711) echo '           PID: 94711 (lab-server)' >&2; exec cat '"
      << core_.string() << "';;\nesac\n";
  fs::permissions(bin / "coredumpctl", fs::perms::owner_all);
  const environment path = {"PATH=" + bin.string() + ":" + ::getenv("PATH"), "TASKS_CORES"};
  const auto list = tasks_command({"list", "--cores"}, path);
  EXPECT_THAT(list.out, ContainsRegex(" 94711  SIGSEGV +-  \\?      lab-server  \\(in the journal\\)\n"));
  EXPECT_THAT(list.out, ContainsRegex(" 94712  SIGABRT +-  \\?      gone-server  \\(removed\\)\n"));
  for (const auto* word : {"94711", "lab-server"}) {
    const auto seen = tasks_command({"stack", "--core", word}, path);
    EXPECT_EQ(seen.end.code, 0) << seen.err;
    EXPECT_THAT(seen.out, HasSubstr("lab::worker"));
    EXPECT_THAT(seen.err, HasSubstr("this is lab-server (pid 94711), SIGSEGV"));
  }
  EXPECT_THAT(tasks_command({"stack", "--core", "gone-server"}, path).err,
              HasSubstr(": of gone-server (pid 94712), SIGABRT, "));
}

/// Of the kernel's making, with what /proc/PID/coredump_filter leaves out.
class Filtered : public StoredCore, public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(By, Filtered, ::testing::Values("0x33", "0x23", "0x7f", "0x03", "0x31"),
                         [](const auto& parameter) { return std::string(parameter.param); });

TEST_P(Filtered, ShowsItsTasks) {
  const auto core = kernel_core(folder_, GetParam());
  if (core.empty()) GTEST_SKIP() << "the kernel writes no core here";
  const auto seen = tasks_command({"stack", "--core", core});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_THAT(seen.out, AllOf(HasSubstr("lab::worker"), HasSubstr("lab::ask_replica")));
  EXPECT_THAT(seen.err, Not(HasSubstr("cut off")));
  EXPECT_EQ(tasks_command({"leaks", "--core", core}).end.signal, 0);
}

TEST(NameOfACore, IsReadAsSystemdMakesIt) {
  const auto core =
      cli::parse_core_name("core.my\\x2eserver.1000.1b2c3d4e5f601b2c3d4e5f601b2c3d4e.4131.1700000000123456.lz4");
  ASSERT_TRUE(core);
  EXPECT_EQ(core->command, "my.server");
  EXPECT_EQ(core->uid, 1000u);
  EXPECT_EQ(core->pid, 4131);
  EXPECT_EQ(core->time_us, 1700000000123456);
  for (const auto* other : {"core", "core.4131", "core.lab.x.boot.1.2", "core.lab.0.boot.1.2.zst.zst", ""})
    EXPECT_FALSE(cli::parse_core_name(other)) << other;
}

TEST(AnswerOfCoredumpctl, IsReadOrRefused) {
  const auto rows = cli::parse_coredumpctl(
      R"([{"time":1700000000123456,"pid":7,"uid":0,"gid":0,"sig":11,"corefile":"present","exe":"/a","size":12}])");
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ(rows->front().time_us, 1700000000123456);
  EXPECT_EQ(rows->front().signal, 11);
  EXPECT_EQ(cli::parse_coredumpctl("[]")->size(), 0u);
  for (const auto* wrong : {"", "TIME PID", "{}", "[{\"pid\":"}) EXPECT_FALSE(cli::parse_coredumpctl(wrong)) << wrong;
}

TEST(SizeOfACore, IsAllOfWhatIsNone) {
  EXPECT_EQ(cli::core_size(""), sizeof(Elf64_Ehdr));
  EXPECT_EQ(cli::core_size(std::string(100, 'x')), 100u);
}

}  // namespace
}  // namespace tasks::testing
