#include "target/roots.hpp"

#include <errno.h>
#include <fmt/format.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <set>

#include "base/text.hpp"
#include "linux/container_of.hpp"
#include "linux/proc.hpp"
#include "linux/right_to_look.hpp"
#include "symbols/module_files.hpp"
#include "target/coroutine_files.hpp"

namespace tasks::cli {
namespace {

using root_bytes = std::array<char, sizeof(layout::root)>;

template <class T>
T field(const root_bytes& bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

std::string with_errno(std::string text, int number) {
  if (number != 0) text += fmt::format(": {}", ::strerror(number));
  return text;
}

std::string describe(const root_copy& root, pid_t inner_pid) {
  using enum layout::agent_status;
  if (root.pid != 0 && root.pid != inner_pid) return "the process is a fork, and its parent had the agent";
  switch (root.agent) {
    case absent:
      return "none was started";
    case starting:
      return "it is still starting";
    case listening:
      return "its socket " + root.socket_path + " does not answer";
    case off:
      return "TASKS_AGENT=off in its environment";
    case no_directory:
      return with_errno("its socket directory cannot be made or used", root.agent_errno);
    case unsafe_directory:
      return "its socket directory is a symlink, another user's, or open to others";
    case no_socket:
      return with_errno("its socket cannot be made", root.agent_errno);
    case no_thread:
      return with_errno("its thread cannot be started", root.agent_errno);
    case served_elsewhere:
      return "another agent of the process should serve it";
    case stopped:
      return "it was stopped";
    case forked:
      return "the process is a fork, and its parent had the agent";
  }
  return fmt::format("status {} in its root is not known to this tasks", static_cast<unsigned>(root.agent));
}

/// The root that says most: one whose agent was tried, before one where nobody asked for an agent. Null: there is none.
const root_copy* most_telling(const target_roots& roots) {
  const root_copy* best = nullptr;
  for (const auto& root : roots.roots) {
    if (!best || (best->agent == layout::agent_status::absent && root.agent != layout::agent_status::absent))
      best = &root;
  }
  return best;
}

std::vector<remedy> to_have_an_agent(const root_copy& root, pid_t inner_pid) {
  using enum layout::agent_status;
  const auto status = root.pid != 0 && root.pid != inner_pid ? forked : root.agent;
  const bool no_descriptors = root.agent_errno == EMFILE || root.agent_errno == ENFILE;
  switch (status) {
    case off:
      return {{"start it again without TASKS_AGENT=off"}};
    case no_directory:
    case unsafe_directory:
      return {{"start it again with TASKS_DIR=FOLDER, one that only its user may write to",
               "mkdir -m 700 FOLDER && TASKS_DIR=FOLDER PROGRAM"}};
    case no_socket:
    case no_thread:
      if (no_descriptors) return {{"start it again with more descriptors (ulimit -n)", "ulimit -n 4096"}};
      return {{"start it again once that is mended"}};
    case forked:
      return {{"start one with tasks::agent in the child, after fork()"}};
    case starting:
      return {{"try again"}};
    case listening:
    case served_elsewhere:
    case absent:
    case stopped:
      break;
  }
  return {
      {"start one with tasks::agent"},
      {"link tasks::autostart, which does", "target_link_libraries(PROGRAM PRIVATE tasks::autostart)", false, true}};
}

/// Processes in a container that is called so; of those the ones that have tasks, unless none has.
result<std::vector<pid_t>> find_in_container(std::string_view word) {
  std::vector<pid_t> members;
  std::set<std::string> ids;
  for (const pid_t pid : all_pids()) {
    if (pid == ::getpid() || !has_executable(pid)) continue;
    const auto its = container_of(pid);
    if (!its || !is_called(*its, word)) continue;
    members.push_back(pid);
    ids.insert(its->id);
  }
  if (ids.size() > 1)
    return error{error_code::ambiguous_name, std::string(word),
                 fmt::format("{} containers have ids that begin so: {}", ids.size(), fmt::join(ids, ", ")),
                 "give more digits"};
  if (members.empty()) return std::vector<pid_t>();
  root_finder roots;
  coroutine_files code;
  std::vector<pid_t> with_tasks;
  for (const pid_t pid : members)
    if (roots.find(pid).instrumented || code.in(pid) != told_coroutines::none) with_tasks.push_back(pid);
  if (!with_tasks.empty()) return with_tasks;
  return error{
      error_code::no_such_process, std::string(word),
      fmt::format("no process of this container has tasks, as far as can be seen: {}", fmt::join(members, ", ")),
      "give the PID of one"};
}

}  // namespace

descriptor open_mapped(pid_t process, const memory_region& m) {
  const auto pid = living_thread(process);
  const auto range = fmt::format("/proc/{}/map_files/{:x}-{:x}", pid, m.begin, m.end);
  if (auto fd = open_regular(range.c_str())) return fd;
  if (auto by_path = open_regular(fmt::format("/proc/{}/root{}", pid, m.path).c_str())) return by_path;
  const auto exe = fmt::format("/proc/{}/exe", pid);
  if (read_link(exe.c_str()) != m.path) return {};
  return open_regular(exe.c_str());
}

int read_root(const memory& from, std::uint64_t address, root_copy& copy) {
  root_bytes bytes;
  const auto got = from.read(address, bytes.data(), bytes.size());
  if (got == 0) return from.last_error();
  if (got != bytes.size()) return EFAULT;
  if (field<std::uint64_t>(bytes, offsetof(layout::root, magic)) != layout::root_magic) return EINVAL;
  copy.address = address;
  copy.layout = field<std::uint32_t>(bytes, offsetof(layout::root, layout));
  copy.pid = static_cast<pid_t>(field<std::uint32_t>(bytes, offsetof(layout::root, pid)));
  copy.agent = static_cast<layout::agent_status>(field<std::uint32_t>(bytes, offsetof(layout::root, agent)));
  copy.agent_errno = field<std::int32_t>(bytes, offsetof(layout::root, agent_errno));
  copy.start_time = field<std::uint64_t>(bytes, offsetof(layout::root, start_time));
  copy.records = field<std::uint64_t>(bytes, offsetof(layout::root, records));
  copy.tick = field<std::uint64_t>(bytes, offsetof(layout::root, tick));
  copy.timing = field<std::uint64_t>(bytes, offsetof(layout::root, timing));
  copy.tick_resolution = field<std::uint32_t>(bytes, offsetof(layout::root, tick_resolution));
  copy.channel_next = field<std::uint32_t>(bytes, offsetof(layout::root, channel_next));
  copy.channel_prev = field<std::uint32_t>(bytes, offsetof(layout::root, channel_prev));
  copy.has_headers = field<std::uint32_t>(bytes, offsetof(layout::root, header_bytes)) != 0;
  copy.listener = field<std::uint64_t>(bytes, offsetof(layout::root, listener));
  copy.agent_memory = field<std::uint64_t>(bytes, offsetof(layout::root, agent_memory));
  const char* path = bytes.data() + offsetof(layout::root, socket_path);
  copy.socket_path.assign(path, ::strnlen(path, sizeof(layout::root::socket_path)));
  return 0;
}

target_roots root_finder::find(pid_t pid) {
  target_roots result;
  const auto bytes = process_memory(pid);
  const auto& mappings = bytes->regions();
  if (mappings.empty()) {
    result.failure = bytes->last_error();
    return result;
  }
  std::set<std::uint64_t> seen;
  for (const auto& code : mappings) {
    if (!code.executable || code.inode == 0) continue;
    const auto id = file_id(code.device, code.inode);
    auto known = files_.find(id);
    if (known == files_.end()) {
      const auto fd = open_mapped(pid, code);
      if (!fd && (errno == EACCES || errno == EPERM)) {
        result.failure = errno;  // another process's mapping of it may be ours to open
        continue;
      }
      known = files_.emplace(id, fd ? read_notes(fd.get()) : elf_notes{}).first;
    }
    const auto& file = known->second;
    if (file.notes.empty() || file.segments.empty()) continue;
    result.instrumented = true;
    // Every mapping of the file's first segment is one copy of the object (dlmopen makes several).
    const auto& first = file.segments.front();
    for (const auto& m : mappings) {
      if (m.inode != code.inode || m.device != code.device || m.offset != first.offset) continue;
      for (const auto& note : file.notes) {
        const auto address = m.begin - first.address + note.root;
        if (!seen.insert(address).second) continue;
        root_copy copy;
        if (const int failure = read_root(*bytes, address, copy); failure == 0) {
          result.roots.push_back(std::move(copy));
        } else if (failure != EINVAL && failure != EFAULT) {
          result.failure = failure;
        }
      }
    }
  }
  return result;
}

result<std::vector<pid_t>> find_processes(std::string_view word) {
  if (!word.empty() && word.find_first_not_of("0123456789") == word.npos && !is_container_id(word)) {
    pid_t pid = 0;
    const auto end = word.data() + word.size();
    const auto [at, ec] = std::from_chars(word.data(), end, pid);
    if (ec != std::errc{} || at != end || pid == 0 || !read_stat(pid)) {
      return error{error_code::no_such_process, fmt::format("pid {}", word), "no such process",
                   "tasks list shows those there are"};
    }
    return std::vector<pid_t>{pid};
  }
  std::vector<pid_t> matches;
  for (const pid_t pid : all_pids()) {
    if (pid == ::getpid()) continue;
    const auto stat = read_stat(pid);
    if (stat && (stat->name == word || base_name(executable_of(pid)) == word)) matches.push_back(pid);
  }
  // Those that may not be read, or have ended, count only where there is no other.
  const auto readable =
      std::stable_partition(matches.begin(), matches.end(), [](pid_t pid) { return has_executable(pid); });
  if (readable != matches.begin()) matches.erase(readable, matches.end());
  if (!matches.empty()) return matches;
  const auto contained = find_in_container(word);
  if (!contained || !contained->empty()) return contained;
  return error{
      error_code::no_such_process, std::string(word),
      is_container_id(word) ? "no container has this id, and no process this name" : "no process has this name",
      "tasks list shows those there are"};
}

result<pid_t> find_process(std::string_view word) {
  const auto matches = find_processes(word);
  if (!matches) return matches.why();
  if (matches->size() == 1) return matches->front();
  const auto its = container_of(matches->front());
  const bool is_container = its && is_called(*its, word);
  std::vector<std::string> named;
  for (const pid_t pid : *matches) {
    const auto stat = is_container ? read_stat(pid) : std::nullopt;
    named.push_back(stat ? fmt::format("{} ({})", pid, stat->name) : std::to_string(pid));
  }
  return error{
      error_code::ambiguous_name, std::string(word),
      fmt::format("{} processes {}: {}", matches->size(),
                  is_container ? "with tasks are in this container" : "have this name", fmt::join(named, ", ")),
      "give the PID of one"};
}

std::string reason_without_agent(const target_roots& roots, pid_t inner_pid) {
  const auto* best = most_telling(roots);
  return best ? describe(*best, inner_pid) : "its memory cannot be read";
}

obstacle what_lacks_of_agent(const target_roots& roots, pid_t inner_pid) {
  const auto* root = most_telling(roots);
  return {"no agent is listening: " + reason_without_agent(roots, inner_pid),
          root ? to_have_an_agent(*root, inner_pid) : std::vector<remedy>()};
}

remedy to_have_a_hook() {
  return {"link tasks::asio or tasks::boost_asio into the program",
          "target_link_libraries(PROGRAM PRIVATE tasks::asio tasks::autostart)"};
}

std::optional<error> unreadable(pid_t pid, const target_roots& roots) {
  const auto subject = subject_of(pid);
  const bool denied = roots.failure == EPERM || roots.failure == EACCES;
  if (!read_stat(pid)) return error{error_code::no_such_process, subject, "the process has ended", ""};
  if (denied && roots.roots.empty()) return permission_error(subject, ask_kernel_about(pid));
  if (!roots.instrumented) {
    return error{error_code::not_instrumented, subject, "not instrumented", to_have_a_hook().words};
  }
  for (const auto& root : roots.roots) {
    if (root.layout != layout::version) return layout_error(subject, root.layout);
  }
  return std::nullopt;
}

error layout_error(std::string subject, std::uint32_t theirs) {
  return {error_code::protocol_mismatch, std::move(subject),
          fmt::format("its registry has layout {}, this tasks reads layout {}", theirs, layout::version),
          "use the tasks of the release that the program was built with"};
}

error no_agent_error(pid_t pid, const target_roots& roots) {
  if (auto why = unreadable(pid, roots)) return *std::move(why);
  auto lacks = what_lacks_of_agent(roots, innermost_pid(pid));
  return {error_code::no_agent, subject_of(pid), std::move(lacks.fact), in_a_line(lacks.mends)};
}

}  // namespace tasks::cli
