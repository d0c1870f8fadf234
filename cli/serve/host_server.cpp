#include "serve/host_server.hpp"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/json.hpp"
#include "base/text.hpp"
#include "linux/child_process.hpp"
#include "linux/peer_owner.hpp"
#include "serve/metrics_text.hpp"
#include "serve/open_api.hpp"
#include "surveys/processes.hpp"
#include "views/json.hpp"
#include "views/schema.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::string_view plain_text = "text/plain; charset=utf-8", html = "text/html; charset=utf-8",
                           events_type = "text/event-stream", bytes_type = "application/octet-stream",
                           json_type = "application/json; charset=utf-8";
constexpr auto list_age = 2s, live_age = 1s;
constexpr std::uint64_t usual_profile_seconds = 30, longest_profile_seconds = 300, most_profiles = 8;

/// Nothing of another site, nothing in the text itself, and in nobody's frame.
constexpr std::string_view content_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::string_view code_name(error_code code) {
  switch (code) {
    case error_code::usage:
      return "usage";
    case error_code::no_such_process:
      return "no-such-process";
    case error_code::ambiguous_name:
      return "ambiguous-name";
    case error_code::not_instrumented:
      return "not-instrumented";
    case error_code::no_agent:
      return "no-agent";
    case error_code::agent_gone:
      return "agent-gone";
    case error_code::permission_denied:
      return "permission-denied";
    case error_code::timed_out:
      return "timed-out";
    case error_code::protocol_mismatch:
      return "protocol-mismatch";
    case error_code::malformed_answer:
      return "malformed-answer";
    case error_code::no_such_task:
      return "no-such-task";
    case error_code::system:
      break;
  }
  return "system";
}

int status_of(error_code code) {
  switch (code) {
    case error_code::usage:
    case error_code::ambiguous_name:
      return 400;
    case error_code::no_such_process:
    case error_code::no_such_task:
      return 404;
    case error_code::permission_denied:
      return 403;
    case error_code::timed_out:
      return 504;
    default:
      return 502;
  }
}

void append_error(fmt::memory_buffer& out, std::string_view code, const error& why) {
  json_writer json(out);
  json.begin_object();
  json.key("error");
  json.begin_object();
  for (const auto& [key, value] : {std::pair<std::string_view, std::string_view>("code", code),
                                   {"subject", why.subject},
                                   {"fact", why.fact},
                                   {"nextStep", why.next_step}}) {
    json.key(key);
    json.string(value);
  }
  json.end_object();
  json.end_object();
}

http_answer error_answer(int status, std::string_view code, const error& why) {
  fmt::memory_buffer text;
  append_error(text, code, why);
  text.push_back('\n');
  return text_answer(status, json_type, fmt::to_string(text));
}

http_answer error_answer(const error& why) { return error_answer(status_of(why.code), code_name(why.code), why); }

http_answer not_found(std::string_view path) {
  return error_answer(
      404, "not-found",
      {error_code::usage, std::string(path), "there is nothing", "/api/v1/openapi.json lists what there is"});
}

std::shared_ptr<const std::string> json_text(const google::protobuf::Message& message) {
  fmt::memory_buffer text;
  print_json(text, message);
  return std::make_shared<const std::string>(fmt::to_string(text));
}

http_answer json_answer(std::shared_ptr<const std::string> text) {
  http_answer made;
  made.body = std::move(text);
  return made;
}

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::string name_of(pid_t pid) {
  const auto executable = executable_of(pid);
  if (!executable.empty()) return std::string(base_name(executable));
  const auto stat = read_stat(pid);
  return stat ? stat->name : std::string();
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (wrong != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<pid_t> pid_in(std::string_view text) {
  const auto value = whole_number(text);
  if (!value || *value == 0 || *value > 0x7fffffff) return std::nullopt;
  return static_cast<pid_t>(*value);
}

/// As encodeURIComponent() of JavaScript does it, for text in a header.
std::string percent_encoded(std::string_view text) {
  std::string made;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-_.!~*'()").find(c) != std::string_view::npos;
    if (plain)
      made += c;
    else
      made += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return made;
}

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

void add_notes(const made_view& view, clock::time_point at, http_answer& to) {
  to.headers.emplace_back("Age", fmt::format("{:.3f}", std::chrono::duration<double>(clock::now() - at).count()));
  std::string notes;
  for (const auto& line : view.told) notes += (notes.empty() ? "" : "\n") + line;
  constexpr std::size_t most = 2048;
  if (!notes.empty()) to.headers.emplace_back("Tasks-Notes", percent_encoded(std::string_view(notes).substr(0, most)));
}

/// Sleeps, in short steps. False: nobody listens any more.
bool sleep_for(std::chrono::milliseconds time, const std::function<bool()>& is_wanted) {
  for (const auto until = clock::now() + time; clock::now() < until;) {
    if (!is_wanted()) return false;
    std::this_thread::sleep_for(std::min<clock::duration>(100ms, until - clock::now()));
  }
  return is_wanted();
}

std::string event(std::string_view name, std::string_view data) {
  return fmt::format("event: {}\ndata: {}\n\n", name, data);
}

/// The words of the command that makes the view.
result<std::vector<std::string>> words_of(const http_request& request, const offered_view& offered) {
  std::vector<std::string> words{offered.name, "--json"};
  std::optional<std::string> word;
  for (const auto& [name, value] : request.query) {
    if (!offered.word.empty() && name == offered.word) {
      if (!whole_number(value)) return error{error_code::usage, name, fmt::format("\"{}\" is no number", value), ""};
      word = value;
      continue;
    }
    const auto known = std::find_if(offered.options.begin(), offered.options.end(),
                                    [&name = name](const offered_option& each) { return each.name == name; });
    if (known == offered.options.end())
      return error{error_code::usage, name, fmt::format("{} has no such option", offered.name),
                   "/api/v1/openapi.json lists them"};
    if (value.find('\0') != value.npos) return error{error_code::usage, name, "there is a zero byte in it", ""};
    if (!known->value.empty())
      words.push_back(fmt::format("--{}={}", name, value));
    else if (value.empty() || value == "true" || value == "1")
      words.push_back("--" + name);
    else if (value != "false" && value != "0")
      return error{error_code::usage, name, fmt::format("\"{}\" is neither true nor false", value), ""};
  }
  if (!offered.word.empty()) {
    if (!word) return error{error_code::usage, offered.word, "which one?", fmt::format("?{}=1", offered.word)};
    words.insert(words.begin() + 1, *word);
  }
  return words;
}

/// What every browser is told of every answer.
void add_safety(http_answer& to) {
  to.headers.emplace_back("Content-Security-Policy", content_policy);
  to.headers.emplace_back("X-Content-Type-Options", "nosniff");
  to.headers.emplace_back("Referrer-Policy", "no-referrer");
  to.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
  to.headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
  const bool has_own =
      std::any_of(to.headers.begin(), to.headers.end(), [](const auto& each) { return each.first == "Cache-Control"; });
  if (!has_own) to.headers.emplace_back("Cache-Control", "no-store");
}

}  // namespace

result<std::unique_ptr<host_server>> host_server::make(const serve_settings& settings, access_rules rules) {
  std::vector<pattern> chosen;
  for (const auto& name : settings.processes) {
    auto whole = pattern::make(fmt::format("^({})$", name));
    if (!whole) return error{error_code::usage, "--process " + name, whole.why().fact, whole.why().next_step};
    chosen.push_back(*std::move(whole));
  }
  return std::unique_ptr<host_server>(new host_server(settings, std::move(rules), std::move(chosen)));
}

host_server::host_server(const serve_settings& settings, access_rules rules, std::vector<pattern> chosen)
    : settings_(settings),
      rules_(std::move(rules)),
      chosen_(std::move(chosen)),
      collector_({.timeout = settings.timeout, .chosen = [this](const std::string& name) { return is_chosen(name); }}),
      looks_(settings.max_age),
      list_([this] { return json_text(list()); }) {}

bool host_server::is_chosen(const std::string& name) const {
  return chosen_.empty() ||
         std::any_of(chosen_.begin(), chosen_.end(), [&](const pattern& each) { return each.matches(name); });
}

v1::ListView host_server::list() {
  auto found = list_processes(settings_.timeout);
  found.set_schema_version(schema_version);
  v1::ListView chosen;
  chosen.set_schema_version(schema_version);
  for (auto& process : *found.mutable_processes())
    if (is_chosen(process.name())) *chosen.add_processes() = std::move(process);
  return chosen;
}

result<void> host_server::check(pid_t pid) const {
  const auto stat = read_stat(pid);
  if (!stat || process_has_ended(*stat)) return no_such_process(pid);
  if (!is_chosen(name_of(pid)))
    return error{error_code::no_such_process, subject_of(pid), "it is none of those that are served",
                 "--process chooses them"};
  return {};
}

void host_server::sample() {
  const auto seen = collector_.look(history::interval);
  history_.add(*seen, now_ms());
  looks_.forget_old();
}

http_answer host_server::answer(const http_request& request) {
  const bool is_page = request.path == "/" || request.path.starts_with("/assets/");
  const asked_access asked{.method = request.method,
                           .is_public = is_page,
                           .host = request.header("Host"),
                           .origin = request.header("Origin"),
                           .site = request.header("Sec-Fetch-Site"),
                           .mode = request.header("Sec-Fetch-Mode"),
                           .authorization = request.header("Authorization"),
                           .peer = rules_.token.empty() && !is_page ? owner_of_peer(request.socket) : std::nullopt};
  http_answer made;
  if (const auto refused = refuse(rules_, asked)) {
    made = error_answer(refused->status, "refused",
                        {error_code::permission_denied, "", refused->fact, refused->next_step});
    if (refused->status == 401) made.headers.emplace_back("WWW-Authenticate", "Bearer");
    if (refused->status == 405) made.headers.emplace_back("Allow", "GET, HEAD");
  } else {
    made = route(request);
  }
  add_safety(made);
  return made;
}

http_answer host_server::route(const http_request& request) {
  const std::string_view path = request.path;
  constexpr std::string_view api_begin = "/api/v1/", profiles_begin = "/debug/pprof/";
  if (path == "/" || path.starts_with("/assets/")) return page(request);
  if (path == "/metrics") return metrics(request);
  if (path.starts_with(api_begin)) return api(request, path.substr(api_begin.size()));
  if (path.starts_with(profiles_begin)) return profiles(request, path.substr(profiles_begin.size()));
  return not_found(path);
}

http_answer host_server::page(const http_request& request) const {
  for (const auto& file : page_files()) {
    if (file.path != request.path) continue;
    auto made = text_answer(200, file.type, std::string(file.gzip));
    made.is_gzip = true;
    if (request.path != "/") made.headers.emplace_back("Cache-Control", "public, max-age=31536000, immutable");
    return made;
  }
  if (request.path != "/") return not_found(request.path);
  return text_answer(200, plain_text,
                     "This tasks serve was built without its page (TASKS_BUILD_PAGE=OFF).\n"
                     "/api/v1/openapi.json lists what else there is: /metrics, /api/v1/processes, /debug/pprof/, …\n");
}

http_answer host_server::metrics(const http_request& request) {
  const auto seen = collector_.look(settings_.max_age);
  metrics_options how;
  how.format = format_accepted_by(request.header("Accept").value_or(""));
  fmt::memory_buffer text;
  write_metrics(text, *seen, how);
  return text_answer(200, content_type_of(how.format), fmt::to_string(text));
}

http_answer host_server::api(const http_request& request, std::string_view path) {
  constexpr std::string_view of_process = "processes/", schema = "schema/";
  if (path == "processes") return json_answer(list_.get(list_age)->seen);
  if (path == "events") return list_events(request);
  if (path == "history") return json_answer(json_text(history_.view()));
  if (path == "openapi.json") {
    fmt::memory_buffer text;
    write_open_api(text, settings_.views);
    return text_answer(200, json_type, fmt::to_string(text));
  }
  if (path.starts_with(schema)) {
    fmt::memory_buffer text;
    if (!render_schema(text, path.substr(schema.size()))) return not_found(request.path);
    return text_answer(200, "application/schema+json", fmt::to_string(text));
  }
  if (!path.starts_with(of_process)) return not_found(request.path);
  path.remove_prefix(of_process.size());
  const auto slash = std::min(path.find('/'), path.size());
  const auto pid = pid_in(path.substr(0, slash));
  if (!pid || slash == path.size()) return not_found(request.path);
  if (const auto there = check(*pid); !there) return error_answer(there.why());
  return process_api(request, *pid, path.substr(slash + 1));
}

http_answer host_server::process_api(const http_request& request, pid_t pid, std::string_view what) {
  if (what == "events") return process_events(request, pid);
  if (what == "recording") return recording(pid);
  for (const auto& each : settings_.views)
    if (each.name == what) return view(request, pid, each);
  return not_found(request.path);
}

http_answer host_server::view(const http_request& request, pid_t pid, const offered_view& offered) {
  const auto words = words_of(request, offered);
  if (!words) return error_answer(words.why());
  const auto look = looks_.look_at(pid, offered.depth);
  if (!look) return error_answer(look.why());
  const auto made = looks_.view(**look, *words, request.is_wanted);
  if (!made) return error_answer(made.why());
  if (offered.name == "leaks" && words->size() == 2) keep_leaks(pid, (*made)->text);
  auto to = json_answer(std::shared_ptr<const std::string>(*made, &(*made)->text));
  add_notes(**made, (*look)->at, to);
  return to;
}

void host_server::keep_leaks(pid_t pid, const std::string& json) {
  v1::LeaksView found;
  const auto stat = read_stat(pid);
  if (stat && google::protobuf::util::JsonStringToMessage(json, &found).ok())
    collector_.keep_leaks(pid, stat->start_time, found);
}

http_answer host_server::recording(pid_t pid) {
  const auto look = looks_.look_at(pid, look_depth::moment);
  if (!look) return error_answer(look.why());
  auto made = text_answer(200, bytes_type, read_whole((*look)->file.get()));
  made.headers.emplace_back("Content-Disposition", fmt::format("attachment; filename=\"{}.tasks\"", (*look)->name));
  return made;
}

http_answer host_server::list_events(const http_request& request) {
  http_answer made;
  made.type = events_type;
  made.next = [this, wanted = request.is_wanted, last = std::uint64_t{0}](std::string& text) mutable {
    if (last != 0 && !sleep_for(list_age, wanted)) return false;
    const auto seen = list_.get(list_age);
    // A comment shows whether anybody listens.
    text = seen->version == last ? ":\n\n" : event("processes", *seen->seen);
    last = seen->version;
    return true;
  };
  return made;
}

http_answer host_server::process_events(const http_request& request, pid_t pid) {
  const auto stat = read_stat(pid);
  http_answer made;
  made.type = events_type;
  made.next = [this, wanted = request.is_wanted, pid, start = stat ? stat->start_time : 0, is_first = true,
               is_over = false](std::string& text) mutable {
    if (is_over) return false;
    if (!std::exchange(is_first, false) && !sleep_for(live_age, wanted)) return false;
    const auto seen = collector_.look(live_age);
    const auto found = std::find_if(seen->processes.begin(), seen->processes.end(), [&](const process_metrics& each) {
      return each.pid == pid && each.start_time == start;
    });
    if (found != seen->processes.end()) {
      fmt::memory_buffer json;
      print_json(json, live_view_of(*found, now_ms()));
      text = event("live", {json.data(), json.size()});
      return true;
    }
    is_over = true;
    fmt::memory_buffer json;
    const auto now = read_stat(pid);
    const bool lives = now && now->start_time == start && !process_has_ended(*now);
    const error why =
        lives ? error{error_code::not_instrumented, subject_of(pid), "it has no tasks that can be looked at", ""}
              : no_such_process(pid);
    append_error(json, code_name(why.code), why);
    text = event("ended", {json.data(), json.size()});
    return true;
  };
  return made;
}

result<pid_t> host_server::process_of(const http_request& request) {
  if (const auto given = request.parameter("pid")) {
    const auto pid = pid_in(*given);
    if (!pid) return error{error_code::usage, "pid", fmt::format("\"{}\" is no process id", *given), ""};
    if (const auto there = check(*pid); !there) return there.why();
    return *pid;
  }
  const auto seen = collector_.look(settings_.max_age);
  if (seen->processes.size() == 1) return seen->processes.front().pid;
  return error{error_code::usage, "pid", fmt::format("which of {} processes?", seen->processes.size()),
               "?pid=PID; /debug/pprof/ lists them"};
}

http_answer host_server::profiles(const http_request& request, std::string_view what) {
  if (what.empty()) return profile_index();
  if (what != "tasks" && what != "goroutine" && what != "profile") return not_found(request.path);
  const auto pid = process_of(request);
  if (!pid) return error_answer(pid.why());
  return what == "profile" ? profile_of_cpu(request, *pid) : profile_of_tasks(request, *pid);
}

http_answer host_server::profile_index() {
  const auto seen = collector_.look(settings_.max_age);
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
  return text_answer(200, html, text + "</table>\n");
}

http_answer host_server::profile_of_tasks(const http_request& request, pid_t pid) {
  const auto debug = request.parameter("debug").value_or("0");
  std::string format = "pprof";
  if (debug == "1") format = "goroutine-counts";
  if (debug == "2") format = "goroutines";
  if (debug != "0" && debug != "1" && debug != "2")
    return error_answer(error{error_code::usage, "debug", fmt::format("\"{}\" is not known", debug), "0, 1 or 2"});
  const auto look = looks_.look_at(pid, look_depth::tasks);
  if (!look) return error_answer(look.why());
  const auto made = looks_.view(**look, {"stack", "--format", format}, request.is_wanted);
  if (!made) return error_answer(made.why());
  http_answer to;
  to.type = debug == "0" ? bytes_type : plain_text;
  to.body = std::shared_ptr<const std::string>(*made, &(*made)->text);
  if (debug == "0") to.headers.emplace_back("Content-Disposition", "attachment; filename=\"tasks.pb.gz\"");
  add_notes(**made, (*look)->at, to);
  return to;
}

http_answer host_server::profile_of_cpu(const http_request& request, pid_t pid) {
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
