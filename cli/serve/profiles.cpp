#include "serve/profiles.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "linux/child_process.hpp"
#include "serve/answers.hpp"
#include "target/roots.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t usual_profile_seconds = 30, longest_profile_seconds = 300, most_profiles = 8;

std::string html_escaped(std::string_view text) {
  std::string made;
  for (const char c : text) {
    if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'')
      made += fmt::format("&#{};", static_cast<int>(c));
    else
      made += c;
  }
  return made;
}

}  // namespace

http_answer profile_answers::answer(const http_request& request, std::string_view what) {
  if (what.empty()) return index();
  if (what != "tasks" && what != "goroutine" && what != "profile") return not_found(request.path);
  if (what == "profile" && viewer::is_of_replay(request))
    return error_answer(error{error_code::usage, "replay", "a recording has no CPU time to be sampled", ""});
  const auto pid = process_of(request);
  if (!pid) return error_answer(pid.why());
  return what == "profile" ? of_cpu(request, **pid) : of_tasks(request, *pid);
}

result<std::optional<pid_t>> profile_answers::process_of(const http_request& request) {
  std::optional<pid_t> pid;
  if (const auto given = request.parameter("pid")) {
    pid = pid_in(*given);
    if (!pid) return error{error_code::usage, "pid", fmt::format("\"{}\" is no process id", *given), ""};
  }
  if (viewer::is_of_replay(request)) return pid;
  if (pid) {
    if (const auto there = check_(*pid); !there) return there.why();
    return pid;
  }
  const auto seen = counts_.look(max_age_);
  if (seen->processes.size() == 1) return std::optional(seen->processes.front().pid);
  return error{error_code::usage, "pid", fmt::format("which of {} processes?", seen->processes.size()),
               "?pid=PID; /debug/pprof/ lists them"};
}

http_answer profile_answers::index() {
  const auto seen = counts_.look(max_age_);
  std::string text =
      "<!doctype html><meta charset=utf-8><title>/debug/pprof/</title>\n<p>Profiles, as go tool pprof reads them:\n"
      "<table>\n<tr><th>process<th>tasks<th>profiles\n";
  for (const auto& each : seen->processes) {
    text += fmt::format("<tr><td>{} {}<td>{}<td>", html_escaped(each.name), each.pid, each.counts.tasks());
    for (const auto& [words, query] :
         {std::pair("tasks", "tasks?debug=1&amp;"), std::pair("tasks, each", "tasks?debug=2&amp;"),
          std::pair("for pprof", "tasks?"), std::pair("CPU, 30 s", "profile?seconds=30&amp;")})
      text += fmt::format("<a href=\"{}pid={}\">{}</a> ", query, each.pid, words);
    text += '\n';
  }
  return text_answer(200, html_text, text + "</table>\n");
}

http_answer profile_answers::of_tasks(const http_request& request, std::optional<pid_t> pid) {
  const auto debug = request.parameter("debug").value_or("0");
  std::string format = "pprof";
  if (debug == "1") format = "goroutine-counts";
  if (debug == "2") format = "goroutines";
  if (debug != "0" && debug != "1" && debug != "2")
    return error_answer(error{error_code::usage, "debug", fmt::format("\"{}\" is not known", debug), "0, 1 or 2"});
  const auto seen = views_.view(request, pid, look_depth::tasks, {"stack", "--format", format});
  if (!seen) return error_answer(seen.why());
  auto to = view_answer(*seen, debug == "0" ? bytes_type : plain_text);
  if (debug == "0") to.headers.emplace_back("Content-Disposition", "attachment; filename=\"tasks.pb.gz\"");
  return to;
}

http_answer profile_answers::of_cpu(const http_request& request, pid_t pid) {
  const auto given = request.parameter("seconds");
  const auto length = given ? whole_number(*given) : usual_profile_seconds;
  if (!length || *length == 0 || *length > longest_profile_seconds)
    return error_answer(error{error_code::usage, "seconds", fmt::format("\"{}\" is no such time", given.value_or("")),
                              fmt::format("1 to {}", longest_profile_seconds)});
  {
    const std::lock_guard hold(mutex_);
    if (profiled_.size() >= most_profiles || !profiled_.insert(pid).second) {
      auto busy = error_answer(
          503, "busy", {error_code::system, subject_of(pid), "CPU time is being sampled already", "ask again later"});
      busy.headers.emplace_back("Retry-After", std::to_string(*length));
      return busy;
    }
  }
  child_order order;
  order.words = {"profile", "-p", std::to_string(pid), "--for", fmt::format("{}s", *length), "--format", "pprof"};
  order.patience = std::chrono::seconds(*length) + 60s;
  order.is_unwanted = [&request] { return !request.is_wanted(); };
  auto end = run_command(std::move(order));
  {
    const std::lock_guard hold(mutex_);
    profiled_.erase(pid);
  }
  if (!end) return error_answer(end.why());
  auto made = text_answer(200, bytes_type, std::move(end->out));
  made.headers.emplace_back("Content-Disposition", "attachment; filename=\"profile.pb.gz\"");
  return made;
}

}  // namespace tasks::cli
