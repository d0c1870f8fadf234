#include "sources/recording_file.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "linux/proc.hpp"
#include "sources/recording_records.hpp"
#include "sources/snapshot_codec.hpp"
#include "utf8.hpp"

namespace tasks::cli {
namespace {

constexpr std::string_view choose_another = "choose another name";
constexpr std::string_view name_another = "name a file that `tasks record` has written";
constexpr int owner_only = 0600;
/// A file may be put aside by its writer while it is opened.
constexpr int opening_attempts = 10;

error cannot_write(const std::string& path) { return {error_code::system, path, ::strerror(errno), ""}; }

error no_memory(const std::string& path) {
  return {error_code::system, path, "there is not enough memory for a snapshot", ""};
}

v1::RecordingHead head_of_now() {
  v1::RecordingHead head;
  head.set_format(recording_format);
  head.set_version(TASKS_VERSION);
  auto machine = this_machine();
  detail::make_utf8(machine.host);
  head.set_host(std::move(machine.host));
  head.set_system(std::move(machine.system));
  return head;
}

/// Does that name still lead to that file?
bool is_named(int file, const std::string& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(file, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
         opened.st_ino == named.st_ino;
}

result<void> lock(int file, const std::string& path) {
  if (::flock(file, LOCK_EX | LOCK_NB) == 0) return {};
  if (errno != EWOULDBLOCK) return cannot_write(path);
  return error{error_code::usage, path, "another process records into it", std::string(choose_another)};
}

result<descriptor> open_alone(const std::string& path) {
  constexpr auto flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  for (int attempt = 0; attempt < opening_attempts; ++attempt) {
    descriptor file(::open(path.c_str(), flags, owner_only));
    if (!file && errno == ELOOP) {
      return error{error_code::usage, path, "is a symbolic link", std::string(choose_another)};
    }
    if (!file) return error{error_code::usage, path, ::strerror(errno), ""};
    if (auto locked = lock(file.get(), path); !locked) return locked.why();
    if (is_named(file.get(), path)) return file;
  }
  return error{error_code::usage, path, "is replaced over and over", std::string(choose_another)};
}

/// Fails with errno, and part of it written.
bool write_at(int file, std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const auto n = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return true;
}

std::string put_aside_name(const std::string& path, unsigned number) { return fmt::format("{}.{}", path, number); }

/// False: there is no such file. Fails where it is one that somebody would miss.
result<bool> is_old_recording(const std::string& path) {
  const descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file && errno == ENOENT) return false;
  if (file) {
    const auto begin = read_at(file.get(), 0, recording_magic.size());
    if (begin.empty() || begin == recording_magic) return true;
  }
  return error{error_code::usage, path, "is in the way, and no recording", "move it away"};
}

/// Where it does not replace a file of that name, it fails if there is one, as far as the file system can tell.
bool rename_to(const std::string& from, const std::string& to, bool replaces) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), replaces ? 0 : RENAME_NOREPLACE) == 0) return true;
  return errno == EINVAL && std::rename(from.c_str(), to.c_str()) == 0;
}

/// Gives PATH the name PATH.1, what had that name PATH.2, … Precondition: `kept` is not 0.
result<void> put_aside(const std::string& path, unsigned kept) {
  unsigned last = 1;
  for (;; ++last) {
    const auto taken = is_old_recording(put_aside_name(path, last));
    if (!taken) return taken.why();
    if (!*taken || last == kept) break;
  }
  for (auto number = last; number > 0; --number) {
    const auto from = number == 1 ? path : put_aside_name(path, number - 1);
    if (std::rename(from.c_str(), put_aside_name(path, number).c_str()) != 0) return cannot_write(from);
  }
  return {};
}

std::string damage_words(const scanned_recording& found, std::size_t lost) {
  std::string words;
  if (found.damaged == 1) words = fmt::format("what was written at byte {} is damaged", found.first_damaged);
  if (found.damaged > 1) {
    words = fmt::format("{} records are damaged, the first at byte {}", found.damaged, found.first_damaged);
  }
  const auto add = [&words](const std::string& more) { words += (words.empty() ? "" : "; ") + more; };
  if (lost == 1) add("1 snapshot is lost with the one before it");
  if (lost > 1) add(fmt::format("{} snapshots are lost with those before them", lost));
  if (const auto rest = found.bytes - found.scanned; rest != 0) {
    add(rest == 1 ? "the last byte is cut off" : fmt::format("the last {} bytes are cut off", rest));
  }
  return words;
}

}  // namespace

struct recording_writer::state {
  std::string path;
  recording_limits limits;
  descriptor file;
  std::uint64_t bytes = 0;
  bool has_snapshots = false;
  bool torn = false;  ///< what a failed write has left could not be cut off
  snapshot_encoder encoder{};

  result<void> go_on();
  result<void> write(std::string_view record);
  result<void> append(v1::SnapshotHead& head, std::string parts);
  result<void> begin_next(std::string_view record);
};

/// Finds where to write, in a file that is there or in an empty one.
result<void> recording_writer::state::go_on() {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return cannot_write(path);
  if (!S_ISREG(status.st_mode) || status.st_size != 0) {
    const auto found = scan_recording(file.get(), path, choose_another);
    if (!found) return found.why();
    bytes = found->end;
    has_snapshots = !found->snapshots.empty();
    torn = found->end < found->bytes;
  }
  if (bytes != 0) return write({});
  ::fchmod(file.get(), owner_only);
  return write(first_record(head_of_now()));
}

/// Cuts off what is torn, too.
result<void> recording_writer::state::write(std::string_view record) {
  if (torn && ::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) return cannot_write(path);
  torn = false;
  if (write_at(file.get(), record, bytes)) {
    bytes += record.size();
    return {};
  }
  auto why = cannot_write(path);
  torn = ::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0;
  return why;
}

result<void> recording_writer::state::append(v1::SnapshotHead& head, std::string parts) {
  const auto process = process_of(head);
  auto made = encoder.encode(process, parts);
  if (!made) return no_memory(path);
  head.set_raw_bytes(parts.size());
  head.set_whole(made->whole);
  auto record = snapshot_record(head, made->bytes);
  const bool is_full = limits.file_bytes != 0 && has_snapshots && bytes + record.size() > limits.file_bytes;
  if (is_full && !made->whole) {
    made = snapshot_encoder{}.encode(process, parts);
    if (!made) return no_memory(path);
    head.set_whole(true);
    record = snapshot_record(head, made->bytes);
  }
  if (const auto written = is_full ? begin_next(record) : write(record); !written) return written.why();
  has_snapshots = true;
  if (is_full) encoder = {};
  encoder.was_written(process, *made, std::move(parts));
  return {};
}

/// The next file has its name, and this one is put aside, when the record is in it.
result<void> recording_writer::state::begin_next(std::string_view record) {
  const auto unnamed = path + ".part";
  const auto left = is_old_recording(unnamed);
  if (!left) return left.why();
  if (*left) ::unlink(unnamed.c_str());
  descriptor next(::open(unnamed.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, owner_only));
  if (!next) return cannot_write(unnamed);
  const auto begin = first_record(head_of_now()).append(record);
  auto done = lock(next.get(), unnamed);
  if (done && !write_at(next.get(), begin, 0)) done = cannot_write(path);
  // Whoever has given it another name has put it aside.
  const bool has_name = is_named(file.get(), path);
  if (done && has_name && limits.kept != 0) done = put_aside(path, limits.kept);
  if (done && !rename_to(unnamed, path, has_name && limits.kept == 0)) done = cannot_write(path);
  if (!done) {
    ::unlink(unnamed.c_str());
    return done;
  }
  file = std::move(next);
  bytes = begin.size();
  torn = false;
  return {};
}

result<recording_writer> recording_writer::open(const std::string& path, const recording_limits& limits) {
  auto file = open_alone(path);
  if (!file) return file.why();
  auto made = std::make_unique<state>(state{path, limits, *std::move(file)});
  if (const auto begun = made->go_on(); !begun) return begun.why();
  return recording_writer(std::move(made));
}

recording_writer::recording_writer(std::unique_ptr<state> made) : state_(std::move(made)) {}
recording_writer::recording_writer(recording_writer&&) noexcept = default;
recording_writer& recording_writer::operator=(recording_writer&&) noexcept = default;
recording_writer::~recording_writer() = default;

result<void> recording_writer::append(v1::SnapshotHead head, std::string parts) {
  if (parts.size() > most_recorded_bytes || head.ByteSizeLong() > most_head_bytes / 2) {
    return error{error_code::system, state_->path, "the snapshot is too large to be recorded", ""};
  }
  detail::make_utf8(*head.mutable_name());
  detail::make_utf8(*head.mutable_core());
  return state_->append(head, std::move(parts));
}

std::uint64_t recording_writer::bytes() const noexcept { return state_->bytes; }

struct recording_reader::state {
  /// Where the parts of a snapshot are.
  struct place {
    std::uint64_t offset = 0, bytes = 0;
    std::optional<std::size_t> before{};  ///< the snapshot that it is a delta of
  };

  std::string path;
  descriptor file;
  v1::RecordingHead head{};
  std::vector<v1::SnapshotHead> snapshots{};
  std::vector<place> places{};  ///< one each
  std::string damage{};
  last_parts<std::size_t> decoded{};  ///< and which snapshot they are of

  void take(scanned_recording found);
  std::optional<std::string> parts(std::size_t snapshot);
  std::optional<std::string> decode(std::size_t snapshot, std::string_view before) const;
};

/// Leaves out deltas of what is lost. Behind damage it is not known of which process that was, until one is decoded.
void recording_reader::state::take(scanned_recording found) {
  struct last {
    std::size_t snapshot, damaged_before;
  };
  std::map<recorded_process, last> last_of;
  std::size_t lost = 0;
  for (auto& each : found.snapshots) {
    const auto process = process_of(each.head);
    const auto before = last_of.find(process);
    const auto number = snapshots.size();
    const bool has_base = each.head.whole() || before != last_of.end();
    place at{each.offset, each.bytes};
    if (!each.head.whole() && has_base) at.before = before->second.snapshot;
    const bool is_doubtful = at.before && before->second.damaged_before != each.damaged_before;
    snapshots.push_back(std::move(each.head));
    places.push_back(at);
    if (has_base && (!is_doubtful || parts(number))) {
      last_of.insert_or_assign(process, last{number, each.damaged_before});
      continue;
    }
    ++lost;
    snapshots.pop_back();
    places.pop_back();
    last_of.erase(process);
  }
  damage = damage_words(found, lost);
  head = std::move(found.head);
}

/// Nothing: it is not what was written.
std::optional<std::string> recording_reader::state::decode(std::size_t snapshot, std::string_view before) const {
  const auto& at = places[snapshot];
  const auto compressed = read_at(file.get(), at.offset, at.bytes);
  if (compressed.size() != at.bytes) return std::nullopt;
  return decompress_parts(compressed, snapshots[snapshot].raw_bytes(), before);
}

std::optional<std::string> recording_reader::state::parts(std::size_t snapshot) {
  const auto process = process_of(snapshots[snapshot]);
  std::optional<std::string> made;
  std::vector<std::size_t> chain;
  for (std::optional next(snapshot); next; next = places[*next].before) {
    if (const auto* known = decoded.find(process); known != nullptr && known->about == *next) {
      made = known->parts;
      break;
    }
    chain.push_back(*next);
  }
  for (; !chain.empty(); chain.pop_back()) {
    made = decode(chain.back(), made ? std::string_view(*made) : std::string_view());
    if (!made) return std::nullopt;
  }
  decoded.put(process, *made, snapshot);
  return made;
}

result<recording_reader> recording_reader::open(const std::string& path) {
  descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file) return error{error_code::usage, path, ::strerror(errno), ""};
  auto found = scan_recording(file.get(), path, name_another);
  if (!found) return found.why();
  auto opened = std::make_unique<state>(state{path, std::move(file)});
  opened->take(*std::move(found));
  return recording_reader(std::move(opened));
}

recording_reader::recording_reader(std::unique_ptr<state> opened) : state_(std::move(opened)) {}
recording_reader::recording_reader(recording_reader&&) noexcept = default;
recording_reader& recording_reader::operator=(recording_reader&&) noexcept = default;
recording_reader::~recording_reader() = default;

const v1::RecordingHead& recording_reader::head() const noexcept { return state_->head; }
const std::vector<v1::SnapshotHead>& recording_reader::snapshots() const noexcept { return state_->snapshots; }
const std::string& recording_reader::damage() const noexcept { return state_->damage; }

result<std::string> recording_reader::parts(std::size_t snapshot) const {
  auto made = state_->parts(snapshot);
  if (made) return *std::move(made);
  return error{error_code::system, state_->path, fmt::format("snapshot {} is damaged", snapshot + 1), ""};
}

}  // namespace tasks::cli
