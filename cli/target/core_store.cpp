#include "target/core_store.hpp"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <utility>

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "base/words.hpp"
#include "linux/piped_child.hpp"

namespace tasks::cli {
namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::int64_t us_of_second = 1'000'000;

template <class Number>
bool read_number(std::string_view text, Number& to) {
  const auto [at, failed] = std::from_chars(text.data(), text.data() + text.size(), to);
  return failed == std::errc() && at == text.data() + text.size() && !text.empty();
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// As systemd escapes a program's name: "\x2e" for a dot.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char code = 0;
    const auto digits = text.substr(std::min(i + 2, text.size()), 2);
    if (text.substr(i).starts_with("\\x") && digits.size() == 2 &&
        std::from_chars(digits.data(), digits.data() + 2, code, 16).ptr == digits.data() + 2) {
      plain += static_cast<char>(code);
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::string core_attribute(const std::string& path, const char* name) {
  std::array<char, 4096> bytes;
  const auto size = ::getxattr(path.c_str(), fmt::format("user.coredump.{}", name).c_str(), bytes.data(), bytes.size());
  return size > 0 ? std::string(bytes.data(), static_cast<std::size_t>(size)) : std::string();
}

/// What the name does not say, or cuts.
void take_attributes(stored_core& core) {
  const auto number = [&](const char* name, auto& to) { read_number(core_attribute(core.path, name), to); };
  number("pid", core.pid);
  number("signal", core.signal);
  number("timestamp", core.time_us);
  uid_t uid = 0;
  if (read_number(core_attribute(core.path, "uid"), uid)) core.uid = uid;
  if (auto command = core_attribute(core.path, "comm"); !command.empty()) core.command = std::move(command);
  core.executable = core_attribute(core.path, "exe");
}

std::vector<stored_core> cores_in(const std::string& folder) {
  std::vector<stored_core> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), &::closedir);
  if (!open) return found;
  while (const auto* entry = ::readdir(open.get())) {
    const std::string_view name = entry->d_name;
    auto core = parse_core_name(name);
    struct stat info {};
    const auto path = folder + "/" + std::string(name);
    if ((!core && !name.starts_with("core")) || ::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    if (!core) core.emplace().time_us = info.st_mtim.tv_sec * us_of_second + info.st_mtim.tv_nsec / 1000;
    core->path = path;
    core->size = static_cast<std::uint64_t>(info.st_size);
    if (::access(path.c_str(), R_OK) != 0) core->how = stored_core::kept::denied;
    take_attributes(*core);
    found.push_back(*std::move(core));
  }
  return found;
}

/// What it prints until `deadline`; nothing: there is no such command, it fails, or takes longer.
std::optional<std::string> ask_coredumpctl(clock::time_point deadline) {
  auto child = piped_child::start({"coredumpctl", "--no-pager", "--quiet", "--json=short", "list"}, {.error = true});
  if (!child) return std::nullopt;
  std::string text;
  std::array<char, 65536> bytes;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
    if (left <= 0ms) return std::nullopt;
    pollfd waits{child->output.get(), POLLIN, 0};
    ::poll(&waits, 1, static_cast<int>(left.count()));
    const auto n = ::read(child->output.get(), bytes.data(), bytes.size());
    if (n > 0) text.append(bytes.data(), static_cast<std::size_t>(n));
    if (n == 0) return text;
    if (n < 0 && errno != EAGAIN && errno != EINTR) return std::nullopt;
  }
}

/// A row of the journal's tells of a file when the file's core was dumped a little before it was written down.
bool tells_of(const stored_core& row, const stored_core& file) {
  constexpr std::int64_t most_delay = 3600 * us_of_second;
  return row.pid == file.pid && file.time_us <= row.time_us + us_of_second && row.time_us - file.time_us < most_delay;
}

void add_journal(std::vector<stored_core>& files, std::vector<stored_core> rows) {
  const auto known = files.size();
  std::vector<bool> is_told(known);
  // The newest first, so that of two cores of one pid each row finds its own.
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.time_us > b.time_us; });
  for (auto& row : rows) {
    std::size_t best = known;
    for (std::size_t i = 0; i < known; ++i)
      if (!is_told[i] && tells_of(row, files[i]) && (best == known || files[i].time_us > files[best].time_us)) best = i;
    if (best == known) {
      files.push_back(std::move(row));
      continue;
    }
    is_told[best] = true;
    auto& file = files[best];
    if (file.signal == 0) file.signal = row.signal;
    if (file.executable.empty()) file.executable = row.executable;
    if (!file.uid) file.uid = row.uid;
  }
}

bool is_called(const stored_core& core, const std::string& word) {
  if (is_number(word)) return std::to_string(core.pid) == word;
  return core.command == word || base_name(core.executable) == word || core.executable == word;
}

result<unpacked_file> dump_of_journal(const stored_core& core, const std::string& subject, const unpacking& how) {
  auto child =
      piped_child::start({"coredumpctl", "--no-pager", "--quiet", "dump", std::to_string(core.pid)}, {.error = true});
  if (!child) return child.why();
  ::fcntl(child->output.get(), F_SETFL, 0);
  auto file = unpack_from(subject, child->output.get(), how);
  struct stat info {};
  if (!file || (::fstat(file->fd.get(), &info) == 0 && info.st_size != 0)) return file;
  std::array<char, 256> said{};
  const auto n = ::read(child->error.get(), said.data(), said.size());
  const std::string_view words(said.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
  return error{
      error_code::system, subject,
      fmt::format("coredumpctl dump {} printed no core: {}", core.pid, clean(words.substr(0, words.find('\n')))), ""};
}

}  // namespace

std::string core_folder() {
  const char* chosen = ::getenv("TASKS_CORES");
  return chosen != nullptr && *chosen != 0 ? chosen : "/var/lib/systemd/coredump";
}

std::optional<stored_core> parse_core_name(std::string_view name) {
  for (const std::string_view packed : {".zst", ".lz4", ".xz", ".gz"})
    if (name.ends_with(packed)) name.remove_suffix(packed.size());
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= name.size();) {
    const auto end = std::min(name.find('.', at), name.size());
    parts.push_back(name.substr(at, end - at));
    at = end + 1;
  }
  stored_core core;
  uid_t uid = 0;
  constexpr std::size_t of_systemd = 6;
  if (parts.size() != of_systemd || parts[0] != "core" || !read_number(parts[2], uid) ||
      !read_number(parts[4], core.pid) || !read_number(parts[5], core.time_us))
    return std::nullopt;
  // In seconds before systemd 229.
  constexpr std::int64_t no_microseconds = 100'000'000'000;
  if (core.time_us < no_microseconds) core.time_us *= us_of_second;
  core.command = unescaped(parts[1]);
  core.uid = uid;
  return core;
}

std::optional<std::vector<stored_core>> parse_coredumpctl(const std::string& json) {
  google::protobuf::ListValue rows;
  if (!google::protobuf::util::JsonStringToMessage(json, &rows).ok()) return std::nullopt;
  std::vector<stored_core> found;
  for (const auto& row : rows.values()) {
    const auto& fields = row.struct_value().fields();
    const auto number = [&](const char* name) {
      const auto at = fields.find(name);
      return at == fields.end() ? 0.0 : at->second.number_value();
    };
    const auto text = [&](const char* name) {
      const auto at = fields.find(name);
      return at == fields.end() ? std::string() : at->second.string_value();
    };
    auto& core = found.emplace_back();
    core.pid = static_cast<pid_t>(number("pid"));
    if (fields.contains("uid")) core.uid = static_cast<uid_t>(number("uid"));
    core.signal = static_cast<int>(number("sig"));
    core.time_us = static_cast<std::int64_t>(number("time"));
    core.executable = text("exe");
    core.size = static_cast<std::uint64_t>(number("size"));
    const auto state = text("corefile");
    if (state == "missing" || state == "none" || state == "error")
      core.how = stored_core::kept::missing;
    else if (state == "inaccessible")
      core.how = stored_core::kept::denied;
    else
      core.how = stored_core::kept::journal;
  }
  return found;
}

std::vector<stored_core> stored_cores(clock::time_point deadline) {
  auto found = cores_in(core_folder());
  // A folder that was chosen is not what this machine's journal tells of.
  if (::getenv("TASKS_CORES") == nullptr) {
    if (const auto json = ask_coredumpctl(deadline))
      if (auto rows = parse_coredumpctl(*json)) add_journal(found, *std::move(rows));
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.time_us > b.time_us; });
  return found;
}

std::string in_words(const stored_core& core) {
  auto name = core.executable.empty() ? core.command : std::string(base_name(core.executable));
  auto words = fmt::format("{} (pid {})", clean(name), core.pid);
  if (core.signal != 0) words += ", " + signal_name(core.signal);
  return words;
}

result<found_core> find_core(const std::string& word, const unpacking& how) {
  struct stat info {};
  const bool is_path = word.find('/') != std::string::npos || ::stat(word.c_str(), &info) == 0;
  if (is_path) {
    auto file = open_unpacked(word, how);
    if (!file) return file.why();
    return found_core{*std::move(file), {}};
  }
  constexpr auto patience = 5s;
  const auto all = stored_cores(clock::now() + patience);
  const auto core = std::find_if(all.begin(), all.end(), [&](const auto& each) { return is_called(each, word); });
  const auto subject = "core " + word;
  if (core == all.end())
    return error{error_code::system, subject,
                 fmt::format("there is no such file, and {} has no core of such a {}", clean(core_folder()),
                             is_number(word) ? "process" : "program"),
                 "tasks list --cores shows those there are"};
  const auto which = fmt::format("{}, {}", in_words(*core), format_time(core->time_us * 1000));
  if (core->how == stored_core::kept::missing)
    return error{error_code::system, subject, fmt::format("of {} there is no core any more", which),
                 "tasks list --cores shows those there are"};
  if (core->how == stored_core::kept::denied)
    return error{error_code::permission_denied, subject, fmt::format("that of {} may not be read", which),
                 "run as root, or as the user whose program it was"};
  auto file = core->path.empty() ? dump_of_journal(*core, subject, how) : open_unpacked(core->path, how);
  if (!file) return file.why();
  file->written_ns = core->time_us * 1000;
  return found_core{*std::move(file), core->path.empty() ? which : fmt::format("{}: {}", which, clean(core->path))};
}

}  // namespace tasks::cli
