// Files of snapshots: what they hold after each way in which a writer, a disk or a stranger can spoil them.

#include "sources/recording_file.hpp"

#include <gmock/gmock.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "sources/recording_records.hpp"
#include "sources/snapshot_codec.hpp"

namespace tasks::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A folder that is removed with what is in it.
class recordings_folder {
 public:
  recordings_folder() {
    char name[] = "/tmp/tasks-test-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~recordings_folder() { fs::remove_all(path_); }
  recordings_folder(const recordings_folder&) = delete;
  recordings_folder& operator=(const recordings_folder&) = delete;
  [[nodiscard]] std::string file(const std::string& name = "recording") const { return path_ / name; }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& each : fs::directory_iterator(path_)) found.push_back(each.path().filename());
    std::sort(found.begin(), found.end());
    return found;
  }

 private:
  fs::path path_;
};

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// As a new file: some file systems bring to the disk at once what replaces content.
void write(const std::string& path, const std::string& text) {
  fs::remove(path);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
}

/// Bytes that do not compress, the same ones for each seed.
std::string noise(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string made;
  while (made.size() < size) {
    const auto number = random();
    made.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  return made.substr(0, size);
}

/// A snapshot of a process that changes a little from moment to moment.
std::string parts_at(std::uint32_t pid, std::size_t moment, std::size_t size = 600) {
  auto made = noise(size, pid);
  made[moment * 7 % size] = static_cast<char>(moment);
  return made + "at " + std::to_string(moment);
}

v1::SnapshotHead head_of(std::uint32_t pid, std::size_t moment) {
  v1::SnapshotHead head;
  head.set_taken_at_ns(static_cast<std::int64_t>(moment));
  head.set_pid(pid);
  head.set_start_time(1000 + pid);
  head.set_name("lab");
  head.set_tasks(moment);
  return head;
}

void append(recording_writer& to, std::uint32_t pid, std::size_t moment, std::size_t size = 600) {
  const auto done = to.append(head_of(pid, moment), parts_at(pid, moment, size));
  ASSERT_TRUE(done) << done.why().fact;
}

recording_writer writer_of(const std::string& path, const recording_limits& limits = {}) {
  auto opened = recording_writer::open(path, limits);
  EXPECT_TRUE(opened) << opened.why().fact;
  return *std::move(opened);
}

recording_reader reader_of(const std::string& path) {
  auto opened = recording_reader::open(path);
  EXPECT_TRUE(opened) << opened.why().fact;
  return *std::move(opened);
}

std::vector<std::size_t> moments(const recording_reader& recording) {
  std::vector<std::size_t> found;
  for (const auto& each : recording.snapshots()) found.push_back(static_cast<std::size_t>(each.taken_at_ns()));
  return found;
}

std::vector<std::size_t> first(std::size_t count) {
  std::vector<std::size_t> made(count);
  for (std::size_t i = 0; i < count; ++i) made[i] = i;
  return made;
}

/// Each has the parts that were written at its moment.
void expect_as_written(const recording_reader& recording, std::size_t size = 600) {
  for (std::size_t i = 0; i < recording.snapshots().size(); ++i) {
    const auto& head = recording.snapshots()[i];
    const auto moment = static_cast<std::size_t>(head.taken_at_ns());
    const auto parts = recording.parts(i);
    ASSERT_TRUE(parts) << parts.why().fact;
    EXPECT_EQ(*parts, parts_at(head.pid(), moment, size));
    EXPECT_EQ(head.tasks(), moment);
    EXPECT_EQ(head.raw_bytes(), parts->size());
  }
}

/// Two processes by turns. How long it was after each snapshot, and before the first one.
std::vector<std::size_t> write_two_processes(const std::string& path, std::size_t snapshots) {
  auto writer = writer_of(path);
  std::vector<std::size_t> ends{writer.bytes()};
  for (std::size_t i = 0; i < snapshots; ++i) {
    append(writer, 1 + i % 2, i);
    ends.push_back(writer.bytes());
  }
  return ends;
}

TEST(Recording, HoldsTheSnapshotsOfSeveralProcessesInTheirOrder) {
  const recordings_folder folder;
  write_two_processes(folder.file(), 100);
  const auto recording = reader_of(folder.file());
  EXPECT_EQ(moments(recording), first(100));
  EXPECT_THAT(recording.damage(), IsEmpty());
  EXPECT_EQ(recording.head().format(), 1u);
  EXPECT_THAT(recording.head().system(), HasSubstr("Linux"));
  expect_as_written(recording);
}

TEST(Recording, IsReadInAnyOrder) {
  const recordings_folder folder;
  write_two_processes(folder.file(), 100);
  const auto recording = reader_of(folder.file());
  for (std::size_t i = 100; i-- > 0;) EXPECT_EQ(*recording.parts(i), parts_at(1 + i % 2, i));
}

TEST(Recording, IsItsOwnersOnly) {
  const recordings_folder folder;
  write_two_processes(folder.file(), 1);
  EXPECT_EQ(fs::status(folder.file()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST(Recording, TellsACoreFromTheProcessThatLeftIt) {
  const recordings_folder folder;
  {
    auto writer = writer_of(folder.file());
    append(writer, 1, 0);
    auto head = head_of(1, 1);
    head.set_core("core.1");
    ASSERT_TRUE(writer.append(head, parts_at(1, 1)));
  }
  const auto recording = reader_of(folder.file());
  EXPECT_TRUE(recording.snapshots()[1].whole());
  expect_as_written(recording);
}

TEST(Recording, OfLittleThatChangedIsSmall) {
  const recordings_folder folder;
  auto writer = writer_of(folder.file());
  append(writer, 1, 0, 100'000);
  const auto whole = writer.bytes();
  append(writer, 1, 1, 100'000);
  EXPECT_LT((writer.bytes() - whole) * 200, whole);
  expect_as_written(reader_of(folder.file()), 100'000);
}

TEST(Recording, HasAWholeSnapshotAtLeastEveryThirtySecond) {
  const recordings_folder folder;
  write_two_processes(folder.file(), 140);
  const auto recording = reader_of(folder.file());
  std::vector<std::size_t> whole;
  for (const auto& each : recording.snapshots()) {
    if (each.whole()) whole.push_back(static_cast<std::size_t>(each.taken_at_ns()));
  }
  EXPECT_EQ(whole, (std::vector<std::size_t>{0, 1, 64, 65, 128, 129}));
}

TEST(Recording, HasAWholeSnapshotWhereAllHasChanged) {
  const recordings_folder folder;
  auto writer = writer_of(folder.file());
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(writer.append(head_of(1, i), noise(5000, i)));
  const auto recording = reader_of(folder.file());
  EXPECT_THAT(recording.snapshots(), SizeIs(3));
  for (const auto& each : recording.snapshots()) EXPECT_TRUE(each.whole());
}

TEST(Recording, HoldsSnapshotsWithoutParts) {
  const recordings_folder folder;
  auto writer = writer_of(folder.file());
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(writer.append(head_of(1, i), i == 1 ? "parts" : ""));
  const auto recording = reader_of(folder.file());
  ASSERT_THAT(recording.snapshots(), SizeIs(3));
  EXPECT_EQ(*recording.parts(0), "");
  EXPECT_EQ(*recording.parts(1), "parts");
  EXPECT_EQ(*recording.parts(2), "");
}

TEST(Recording, ReadsNamesThatAreNoUtf8) {
  const recordings_folder folder;
  auto writer = writer_of(folder.file());
  auto head = head_of(1, 0);
  head.set_name("l\xe4rm");
  ASSERT_TRUE(writer.append(head, parts_at(1, 0)));
  const auto recording = reader_of(folder.file());
  ASSERT_THAT(recording.snapshots(), SizeIs(1));
  EXPECT_EQ(recording.snapshots()[0].name(), "l?rm");
}

TEST(TornRecording, OpensWithAllThatIsWholeWhereverItIsCut) {
  const recordings_folder folder;
  const auto ends = write_two_processes(folder.file(), 6);
  const auto whole = content(folder.file());
  ASSERT_EQ(ends.back(), whole.size());
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    SCOPED_TRACE(size);
    write(folder.file(), whole.substr(0, size));
    const auto opened = recording_reader::open(folder.file());
    if (size < recording_magic.size()) {
      EXPECT_FALSE(opened);
      continue;
    }
    ASSERT_TRUE(opened);
    const auto after = std::count_if(ends.begin() + 1, ends.end(), [&](auto end) { return end <= size; });
    EXPECT_EQ(moments(*opened), first(static_cast<std::size_t>(after)));
    expect_as_written(*opened);
    const bool at_an_end = size == recording_magic.size() || std::count(ends.begin(), ends.end(), size) == 1;
    EXPECT_EQ(opened->damage().empty(), at_an_end);
  }
}

TEST(TornRecording, IsGoneOnWith) {
  const recordings_folder folder;
  const auto ends = write_two_processes(folder.file(), 6);
  const auto whole = content(folder.file());
  for (std::size_t size = recording_magic.size(); size <= whole.size(); ++size) {
    SCOPED_TRACE(size);
    write(folder.file(), whole.substr(0, size));
    const auto left = std::count_if(ends.begin() + 1, ends.end(), [&](auto end) { return end <= size; });
    const auto moment = static_cast<std::size_t>(left);
    {
      auto writer = writer_of(folder.file());
      EXPECT_EQ(fs::file_size(folder.file()), writer.bytes());
      append(writer, 1, moment);
      append(writer, 1, moment + 1);
    }
    const auto recording = reader_of(folder.file());
    EXPECT_EQ(moments(recording), first(moment + 2));
    EXPECT_THAT(recording.damage(), IsEmpty());
    EXPECT_TRUE(recording.snapshots()[moment].whole());
    EXPECT_FALSE(recording.snapshots()[moment + 1].whole());
    expect_as_written(recording);
  }
}

TEST(TornRecording, SaysHowMuchIsCutOff) {
  const recordings_folder folder;
  const auto ends = write_two_processes(folder.file(), 2);
  fs::resize_file(folder.file(), ends[1] + 12);
  EXPECT_EQ(reader_of(folder.file()).damage(), "the last 12 bytes are cut off");
  fs::resize_file(folder.file(), ends[2]);
  EXPECT_EQ(reader_of(folder.file()).damage(), "what was written at byte " + std::to_string(ends[1]) + " is damaged");
  fs::resize_file(folder.file(), ends[1]);
  fs::resize_file(folder.file(), ends[1] + 5000);
  EXPECT_EQ(reader_of(folder.file()).damage(), "the last 5000 bytes are cut off");
}

/// What a child process appends, each of another process, and so whole.
std::string parts_to_be_killed_in(std::size_t moment) {
  static const auto begin = noise(1'000'000, 1);
  return begin + std::to_string(moment);
}

/// A child process that appends until it is killed.
pid_t start_writing(const std::string& path) {
  const auto child = ::fork();
  if (child != 0) return child;
  auto writer = recording_writer::open(path);
  for (std::size_t i = 0; writer; ++i) {
    if (!writer->append(head_of(static_cast<std::uint32_t>(i), i), parts_to_be_killed_in(i))) break;
  }
  ::_exit(1);
}

/// Kills it when the file has that many bytes, which are in the midst of a snapshot.
void kill_when(const std::string& path, std::uintmax_t bytes, pid_t child) {
  std::error_code none;
  while (fs::file_size(path, none) < bytes) {
    if (::waitpid(child, nullptr, WNOHANG) != 0) return;
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST(KilledWriter, LeavesAFileThatOpens) {
  const recordings_folder folder;
  for (std::size_t whole = 1; whole <= 6; ++whole) {
    write(folder.file(), "");
    const auto child = start_writing(folder.file());
    ASSERT_GT(child, 0);
    kill_when(folder.file(), whole * 1'000'000 + 200'000, child);
    const auto recording = reader_of(folder.file());
    const auto count = recording.snapshots().size();
    EXPECT_GE(count, whole);
    EXPECT_EQ(moments(recording), first(count));
    for (std::size_t i = 0; i < count; ++i) EXPECT_TRUE(*recording.parts(i) == parts_to_be_killed_in(i));
    auto writer = writer_of(folder.file());
    append(writer, 1, count);
    EXPECT_EQ(moments(reader_of(folder.file())), first(count + 1));
  }
}

TEST(DamagedRecording, IsNeverReadAsSomethingElse) {
  const recordings_folder folder;
  const auto ends = write_two_processes(folder.file(), 8);
  const auto whole = content(folder.file());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      SCOPED_TRACE(at);
      auto damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      write(folder.file(), damaged);
      const auto opened = recording_reader::open(folder.file());
      EXPECT_EQ(opened.ok(), at >= recording_magic.size());
      if (!opened) continue;
      EXPECT_THAT(opened->damage(), ::testing::Not(IsEmpty()));
      expect_as_written(*opened);
      const auto before = std::count_if(ends.begin() + 1, ends.end(), [&](auto end) { return end <= at; });
      const auto found = moments(*opened);
      ASSERT_GE(found.size(), static_cast<std::size_t>(before));
      EXPECT_TRUE(std::is_sorted(found.begin(), found.end()));
      for (std::size_t i = 0; i < static_cast<std::size_t>(before); ++i) EXPECT_EQ(found[i], i);
    }
  }
}

TEST(DamagedRecording, LosesOnlyWhatDependsOnTheDamage) {
  const recordings_folder folder;
  const auto ends = write_two_processes(folder.file(), 8);
  const auto whole = content(folder.file());
  const auto with_damage_at = [&](std::size_t at) {
    auto damaged = whole;
    damaged[at] ^= 1;
    write(folder.file(), damaged);
    return reader_of(folder.file());
  };
  // The third one, of the first process: of which nothing more is whole.
  const auto third = with_damage_at(ends[3] - 1);
  EXPECT_EQ(moments(third), (std::vector<std::size_t>{0, 1, 3, 5, 7}));
  EXPECT_EQ(third.damage(), "what was written at byte " + std::to_string(ends[2]) +
                                " is damaged; 2 snapshots are lost with those before them");
  expect_as_written(third);
  EXPECT_EQ(moments(with_damage_at(ends[8] - 1)), first(7));
  // The head of the file, of which snapshots need nothing.
  const auto headless = with_damage_at(ends[0] - 1);
  EXPECT_EQ(moments(headless), first(8));
  EXPECT_EQ(headless.head().format(), 0u);
}

TEST(DamagedRecording, GoesOnAfterItsDamage) {
  const recordings_folder folder;
  const auto ends = write_two_processes(folder.file(), 4);
  auto damaged = content(folder.file());
  damaged[ends[2] - 1] ^= 1;
  write(folder.file(), damaged);
  {
    auto writer = writer_of(folder.file());
    append(writer, 2, 4);
  }
  const auto recording = reader_of(folder.file());
  EXPECT_EQ(moments(recording), (std::vector<std::size_t>{0, 2, 4}));
  expect_as_written(recording);
}

/// A file with such a snapshot, whatever its head claims.
void forge(const std::string& path, const v1::SnapshotHead& head, const std::string& compressed) {
  v1::RecordingHead begin;
  begin.set_format(1);
  write(path, first_record(begin) + snapshot_record(head, compressed));
}

TEST(ForgedRecording, TakesNoMoreMemoryThanItsBytesCanFill) {
  const recordings_folder folder;
  const auto compressed = *compress_parts(parts_at(1, 0), {});
  auto head = head_of(1, 0);
  head.set_whole(true);
  for (const auto claimed : {std::uint64_t{1} << 63, most_recorded_bytes + 1, most_recorded_bytes}) {
    head.set_raw_bytes(claimed);
    forge(folder.file(), head, compressed);
    const auto recording = reader_of(folder.file());
    EXPECT_THAT(recording.snapshots(), IsEmpty());
    EXPECT_THAT(recording.damage(), HasSubstr("is damaged"));
  }
  for (const std::uint64_t claimed : {0u, 1u, 602u, 5000u}) {
    head.set_raw_bytes(claimed);
    forge(folder.file(), head, compressed);
    const auto recording = reader_of(folder.file());
    for (std::size_t i = 0; i < recording.snapshots().size(); ++i) EXPECT_FALSE(recording.parts(i));
  }
}

TEST(ForgedRecording, HasNoDeltaOfNothing) {
  const recordings_folder folder;
  auto head = head_of(1, 0);
  head.set_raw_bytes(parts_at(1, 0).size());
  forge(folder.file(), head, *compress_parts(parts_at(1, 0), {}));
  const auto recording = reader_of(folder.file());
  EXPECT_THAT(recording.snapshots(), IsEmpty());
  EXPECT_EQ(recording.damage(), "1 snapshot is lost with the one before it");
}

TEST(ForgedRecording, OfAnyBytesOpensOrIsRefused) {
  const recordings_folder folder;
  v1::RecordingHead begin;
  begin.set_format(1);
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    write(folder.file(), first_record(begin) + noise(seed * 3, seed));
    EXPECT_THAT(reader_of(folder.file()).snapshots(), IsEmpty());
    auto head = head_of(1, 0);
    head.set_whole(true);
    head.set_raw_bytes(seed * 20);
    forge(folder.file(), head, noise(seed, seed));
    const auto recording = reader_of(folder.file());
    for (std::size_t i = 0; i < recording.snapshots().size(); ++i) EXPECT_FALSE(recording.parts(i));
  }
}

/// Nobody writes to it, and its content stays.
void expect_refused(const std::string& path, const char* fact) {
  const auto before = content(path);
  const auto writer = recording_writer::open(path);
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.why().code, error_code::usage);
  EXPECT_EQ(writer.why().subject, path);
  EXPECT_EQ(writer.why().fact, fact);
  EXPECT_EQ(writer.why().next_step, "choose another name");
  EXPECT_EQ(content(path), before);
  const auto reader = recording_reader::open(path);
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.why().code, error_code::usage);
  EXPECT_EQ(reader.why().fact, fact);
  EXPECT_NE(reader.why().next_step, "");
}

TEST(ForeignFile, IsRefusedAndNotTouched) {
  const recordings_folder folder;
  for (const auto* text : {"tasks", "tasksre", "a letter to a friend", "\n", "TASKSREC with more"}) {
    write(folder.file(), text);
    expect_refused(folder.file(), "no recording of tasks");
  }
  expect_refused("/dev/null", "no recording of tasks");
}

TEST(ForeignFile, OfANewerVersionIsRefusedAndNotTouched) {
  const recordings_folder folder;
  v1::RecordingHead begin;
  begin.set_format(2);
  write(folder.file(), first_record(begin) + "what that version says");
  expect_refused(folder.file(), "written by a newer version of tasks");
}

TEST(ForeignFile, ThatALinkLeadsToIsNotWritten) {
  const recordings_folder folder;
  fs::create_symlink(folder.file("elsewhere"), folder.file());
  const auto opened = recording_writer::open(folder.file());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.why().fact, "is a symbolic link");
  EXPECT_THAT(folder.names(), SizeIs(1));
}

TEST(File, ThatIsEmptyIsTaken) {
  const recordings_folder folder;
  write(folder.file(), "");
  write_two_processes(folder.file(), 2);
  EXPECT_EQ(moments(reader_of(folder.file())), first(2));
}

TEST(File, ThatIsNotThereIsSaidToBeSo) {
  const recordings_folder folder;
  const auto reader = recording_reader::open(folder.file());
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.why().code, error_code::usage);
  EXPECT_EQ(reader.why().fact, "No such file or directory");
  const auto writer = recording_writer::open(folder.file("folder/recording"));
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.why().fact, "No such file or directory");
}

TEST(Writer, IsAloneWithItsFile) {
  const recordings_folder folder;
  {
    const auto writer = writer_of(folder.file());
    const auto second = recording_writer::open(folder.file());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.why().code, error_code::usage);
    EXPECT_EQ(second.why().fact, "another process records into it");
  }
  EXPECT_TRUE(recording_writer::open(folder.file()));
}

/// Files cannot become longer, as on a full disk, but for the error's number.
class limited_files {
 public:
  explicit limited_files(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handled_ = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit less{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &less);
  }
  ~limited_files() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handled_);
  }
  limited_files(const limited_files&) = delete;
  limited_files& operator=(const limited_files&) = delete;

 private:
  rlimit before_{};
  void (*handled_)(int) = SIG_DFL;
};

TEST(FullDisk, LeavesWhatWasThereAndIsSaid) {
  const recordings_folder folder;
  auto writer = writer_of(folder.file());
  append(writer, 1, 0);
  const auto before = content(folder.file());
  {
    const limited_files limit(before.size() + 300);
    const auto done = writer.append(head_of(2, 1), parts_at(2, 1));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.why().code, error_code::system);
    EXPECT_EQ(done.why().subject, folder.file());
    EXPECT_EQ(done.why().fact, "File too large");
    EXPECT_EQ(content(folder.file()), before);
    EXPECT_EQ(writer.bytes(), before.size());
  }
  append(writer, 2, 1);
  append(writer, 1, 2);
  EXPECT_EQ(moments(reader_of(folder.file())), first(3));
  expect_as_written(reader_of(folder.file()));
}

TEST(FullDisk, BeginsNoRecording) {
  const recordings_folder folder;
  {
    const limited_files limit(20);
    EXPECT_FALSE(recording_writer::open(folder.file()));
  }
  EXPECT_EQ(content(folder.file()), "");
}

TEST(FullRecording, IsPutAside) {
  const recordings_folder folder;
  const recording_limits limits{5000, 2};
  auto writer = writer_of(folder.file(), limits);
  for (std::size_t i = 0; i < 60; ++i) append(writer, static_cast<std::uint32_t>(i), i);
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"recording", "recording.1", "recording.2"}));
  std::vector<std::size_t> kept;
  for (const auto* name : {"recording.2", "recording.1", "recording"}) {
    EXPECT_LE(fs::file_size(folder.file(name)), limits.file_bytes);
    const auto recording = reader_of(folder.file(name));
    EXPECT_THAT(recording.damage(), IsEmpty());
    expect_as_written(recording);
    for (const auto each : moments(recording)) kept.push_back(each);
  }
  EXPECT_GT(kept.size(), 15u);
  for (std::size_t i = 0; i < kept.size(); ++i) EXPECT_EQ(kept[i], 60 - kept.size() + i);
}

TEST(FullRecording, IsFollowedByOneThatBeginsWithWholeSnapshots) {
  const recordings_folder folder;
  auto writer = writer_of(folder.file(), {2000, 1});
  while (!fs::exists(folder.file("recording.1"))) append(writer, 1, 5);
  append(writer, 1, 6);
  const auto next = reader_of(folder.file());
  ASSERT_THAT(next.snapshots(), SizeIs(2));
  EXPECT_TRUE(next.snapshots()[0].whole());
  EXPECT_FALSE(next.snapshots()[1].whole());
  expect_as_written(next);
  EXPECT_EQ(writer.bytes(), fs::file_size(folder.file()));
  EXPECT_FALSE(recording_writer::open(folder.file()));
  EXPECT_TRUE(recording_writer::open(folder.file("recording.1")));
}

TEST(FullRecording, OfWhichNoneIsKeptIsReplaced) {
  const recordings_folder folder;
  auto writer = writer_of(folder.file(), {2000, 0});
  for (std::size_t i = 0; i < 20; ++i) append(writer, static_cast<std::uint32_t>(i), i);
  EXPECT_EQ(folder.names(), std::vector<std::string>{"recording"});
  EXPECT_EQ(moments(reader_of(folder.file())).back(), 19u);
}

TEST(FullRecording, HoldsASnapshotThatIsLongerThanAFileMayBe) {
  const recordings_folder folder;
  auto writer = writer_of(folder.file(), {100, 4});
  for (std::size_t i = 0; i < 3; ++i) append(writer, 1, i);
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"recording", "recording.1", "recording.2"}));
}

TEST(FullRecording, ReplacesNobodyElsesFile) {
  const recordings_folder folder;
  for (const auto* name : {"recording.1", "recording.part"}) {
    write(folder.file(name), "a letter to a friend");
    fs::remove(folder.file());
    auto writer = writer_of(folder.file(), {1000, 1});
    append(writer, 1, 0);
    const auto before = content(folder.file());
    const auto done = writer.append(head_of(2, 1), parts_at(2, 1));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.why().subject, folder.file(name));
    EXPECT_EQ(content(folder.file(name)), "a letter to a friend");
    EXPECT_EQ(content(folder.file()), before);
    fs::remove(folder.file(name));
    append(writer, 2, 1);
    fs::remove(folder.file("recording.1"));
  }
}

TEST(FullRecording, ThatWasMovedIsFollowedByOneOfItsName) {
  const recordings_folder folder;
  auto writer = writer_of(folder.file(), {1000, 1});
  append(writer, 1, 0);
  fs::rename(folder.file(), folder.file("moved"));
  append(writer, 2, 1);
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"moved", "recording"}));
  EXPECT_EQ(moments(reader_of(folder.file())), std::vector<std::size_t>{1});
}

TEST(FullRecording, OnAFullDiskStaysAsItIs) {
  const recordings_folder folder;
  auto writer = writer_of(folder.file(), {1000, 1});
  append(writer, 1, 0);
  {
    const limited_files limit(100);
    EXPECT_FALSE(writer.append(head_of(2, 1), parts_at(2, 1)));
  }
  EXPECT_EQ(folder.names(), std::vector<std::string>{"recording"});
  append(writer, 2, 1);
  EXPECT_EQ(moments(reader_of(folder.file())), std::vector<std::size_t>{1});
}

}  // namespace
}  // namespace tasks::cli
