#include "serve/kept_looks.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <thread>
#include <utility>

#include "base/text.hpp"
#include "linux/child_process.hpp"
#include "surveys/recorded_facts.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto time_for_a_look = 60s, time_for_a_view = 30s, kept_for = 60s;
constexpr std::size_t most_processes = 64;
constexpr std::size_t most_view_bytes = std::size_t{32} << 20;  ///< of those that are kept of one snapshot

/// As a child sees what it is given.
constexpr std::string_view given_file = "/proc/self/fd/3";

/// A folder of ours for as long as it lives, for a file that gets its name taken away at once.
class passing_folder {
 public:
  passing_folder() {
    path_ = folder_of_passing_files() + "/tasks-serve-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  passing_folder(const passing_folder&) = delete;
  passing_folder& operator=(const passing_folder&) = delete;
  ~passing_folder() {
    if (path_.empty()) return;
    ::unlink(file().c_str());
    ::rmdir(path_.c_str());
  }

  explicit operator bool() const noexcept { return !path_.empty(); }
  [[nodiscard]] std::string file() const { return path_ + "/look.tasks"; }

 private:
  std::string path_;
};

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (end != 0) lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

error gone() { return {error_code::system, "", "whoever asked has gone", ""}; }

constexpr const char* errors_as_json = "TASKS_ERRORS=json";

/// The last line is what a command says when it fails.
error error_in(const std::vector<std::string>& lines, int code) {
  v1::RecordedError said;
  if (!lines.empty() && google::protobuf::util::JsonStringToMessage(lines.back(), &said).ok())
    return from_message(said);
  return {error_code::system, "", fmt::format("it ended with code {} and did not say why", code), ""};
}

/// "tasks: pid 1: not instrumented (link tasks::asio …)" is what it tells of a target that cannot be looked at.
error error_of_record(const std::vector<std::string>& lines, int code) {
  constexpr std::string_view begin = "tasks: ";
  for (auto line = lines.rbegin(); line != lines.rend(); ++line)
    if (line->starts_with(begin) && !line->starts_with("tasks: recording into "))
      return {error_code::system, "", line->substr(begin.size()), ""};
  return error_in(lines, code);
}

std::optional<error> error_of(const child_end& end) {
  switch (end.ended) {
    case child_end::how::exited:
      return std::nullopt;
    case child_end::how::killed:
      return error{error_code::system, "", "the look was ended by a signal", "is there enough memory?"};
    case child_end::how::out_of_time:
      return error{error_code::timed_out, "", "the look took too long", ""};
    case child_end::how::too_much:
      return error{error_code::system, "", "there is too much to tell", "choose with filters, or limit"};
    case child_end::how::unwanted:
      return gone();
  }
  return std::nullopt;
}

std::string name_of_recording(pid_t pid) {
  const auto executable = executable_of(pid);
  const auto stat = read_stat(pid);
  std::string name(!executable.empty() ? base_name(executable) : stat ? std::string_view(stat->name) : "process");
  std::replace_if(
      name.begin(), name.end(),
      [](char c) { return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) && c != '.'; },
      '_');
  const auto now = ::time(nullptr);
  tm parts{};
  ::localtime_r(&now, &parts);
  char when[32];
  ::strftime(when, sizeof when, "%Y%m%d-%H%M%S", &parts);
  return fmt::format("{}-{}-{}", name, pid, when);
}

/// What is said of a file that somebody has brought, without the name by which a child has it.
std::vector<std::string> told_of_brought(std::vector<std::string> lines) {
  const auto begin = fmt::format("tasks: {}: ", given_file);
  for (auto& line : lines)
    if (line.starts_with(begin)) line.erase(0, begin.size());
  return lines;
}

error of_brought(error why) {
  if (why.subject == given_file) why.subject = "the recording";
  return why;
}

}  // namespace

std::string folder_of_passing_files() {
  const char* const chosen = std::getenv("TMPDIR");
  return chosen != nullptr && *chosen == '/' ? chosen : "/tmp";
}

result<child_end> run_command(child_order order) {
  order.variables.emplace_back(errors_as_json);
  auto end = run_this_program(order);
  if (!end) return end;
  if (auto why = error_of(*end)) return *why;
  // Of leaks 3 and 4 are answers.
  if (end->code == 1 || end->code == 2 || end->code > 4) return error_in(lines_of(end->err), end->code);
  return end;
}

/// A place among those that may run at once.
kept_looks::place::place(kept_looks& of, const wanted& is_wanted) : of_(of) {
  while (!(is_there_ = of.places_.try_acquire_for(100ms)))
    if (is_wanted && !is_wanted()) return;
}
kept_looks::place::~place() {
  if (is_there_) of_.places_.release();
}

kept_looks::looked kept_looks::take(pid_t pid, look_depth depth) {
  const passing_folder folder;
  if (!folder) return error{error_code::system, "", std::string("cannot make a folder: ") + ::strerror(errno), ""};
  child_order order;
  order.words = {"record", "-p", std::to_string(pid), "-o", folder.file(), "--for", "0"};
  if (depth == look_depth::moment) order.words.insert(order.words.end(), {"--with", "threads,leaks,operations"});
  if (depth == look_depth::memory) order.words.insert(order.words.end(), {"--with", "threads,leaks,operations,memory"});
  order.patience = time_for_a_look;
  auto made = std::make_shared<kept_look>();
  made->at = clock::now();
  made->name = name_of_recording(pid);
  const place here(*this, {});
  const auto end = run_this_program(order);
  if (!end) return end.why();
  if (auto why = error_of(*end)) return *why;
  if (end->code != 0) {
    // Of a target that cannot be looked at it tells, and goes on until there is none left.
    const auto stat = read_stat(pid);
    if (!stat || process_has_ended(*stat)) return no_such_process(pid);
    return error_of_record(lines_of(end->err), end->code);
  }
  made->file = descriptor(::open(folder.file().c_str(), O_RDONLY | O_CLOEXEC));
  if (!made->file) return error{error_code::system, "", std::string("the look is gone: ") + ::strerror(errno), ""};
  return made;
}

std::shared_ptr<kept_look> kept_looks::recent(pid_t pid, std::uint64_t start_time) {
  const std::lock_guard hold(mutex_);
  const auto of = processes_.find({pid, start_time});
  if (of == processes_.end()) return nullptr;
  std::shared_ptr<kept_look> newest;
  for (const auto& [depth, look] : of->second.looks) {
    const auto last = look->last();
    if (!last || !*last->seen || clock::now() - (**last->seen)->at >= look_turns::apart) continue;
    if (!newest || newest->at < (**last->seen)->at) newest = **last->seen;
  }
  return newest;
}

result<std::shared_ptr<kept_look>> kept_looks::look_at(pid_t pid, look_depth depth) {
  const auto stat = read_stat(pid);
  if (!stat || process_has_ended(*stat)) return no_such_process(pid);
  std::vector<std::shared_ptr<shared_look<std::shared_ptr<looked>>>> candidates;
  {
    const std::lock_guard hold(mutex_);
    auto& of = processes_[{pid, stat->start_time}];
    of.asked = clock::now();
    auto& own = of.looks[depth];
    if (!own)
      own = std::make_shared<shared_look<std::shared_ptr<looked>>>([this, pid, depth] {
        turns_.wait_for(pid);
        return std::make_shared<looked>(take(pid, depth));
      });
    for (auto each = of.looks.lower_bound(depth); each != of.looks.end(); ++each) candidates.push_back(each->second);
  }
  // What has more in it does as well.
  for (const auto& each : candidates)
    if (const auto last = each->last(); last && *last->seen && clock::now() - (**last->seen)->at <= max_age_)
      return **last->seen;
  // Who looks waits for the process's turn, and the others for who looks.
  return *candidates.front()->get(max_age_)->seen;
}

result<std::shared_ptr<const made_view>> kept_looks::view(kept_look& of, const std::vector<std::string>& words,
                                                          const wanted& is_wanted) {
  {
    const std::lock_guard hold(of.mutex);
    if (const auto known = of.views.find(words); known != of.views.end()) return known->second;
  }
  child_order order;
  order.words = words;
  order.words.insert(order.words.end(), {"--from", std::string(given_file)});
  order.given = of.file.get();
  order.patience = time_for_a_view;
  order.is_unwanted = [&is_wanted] { return is_wanted && !is_wanted(); };
  const place here(*this, is_wanted);
  if (!here) return gone();
  auto end = run_command(std::move(order));
  if (!end) return of.is_brought ? of_brought(end.why()) : end.why();
  auto lines = lines_of(end->err);
  // Which snapshot of ours it is: the only one.
  if (of.is_brought)
    lines = told_of_brought(std::move(lines));
  else
    std::erase_if(lines, [](const std::string& line) { return line.find(given_file) != line.npos; });
  auto made = std::make_shared<made_view>(made_view{end->code, std::move(end->out), std::move(lines)});
  const std::lock_guard hold(of.mutex);
  if (of.view_bytes + made->text.size() <= most_view_bytes && of.views.emplace(words, made).second)
    of.view_bytes += made->text.size();
  return std::shared_ptr<const made_view>(std::move(made));
}

void kept_looks::forget_old() {
  const std::lock_guard hold(mutex_);
  const auto now = clock::now();
  std::erase_if(processes_, [&](const auto& each) { return now - each.second.asked > kept_for; });
  while (processes_.size() > most_processes)
    processes_.erase(std::min_element(processes_.begin(), processes_.end(),
                                      [](const auto& a, const auto& b) { return a.second.asked < b.second.asked; }));
}

}  // namespace tasks::cli
