#include "serve/host_server.hpp"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "base/json.hpp"
#include "base/text.hpp"
#include "linux/child_process.hpp"
#include "linux/peer_owner.hpp"
#include "serve/answers.hpp"
#include "serve/metrics_text.hpp"
#include "serve/open_api.hpp"
#include "surveys/processes.hpp"
#include "views/json.hpp"
#include "views/schema.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::string_view events_type = "text/event-stream";
constexpr std::string_view api_begin = "/api/v1/", replays_path = "replays";
constexpr auto list_age = 2s, live_age = 1s;

/// Nothing of another site, nothing in the text itself, and in nobody's frame.
constexpr std::string_view content_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// For who follows a link: a browser sends no token by itself.
constexpr std::string_view how_to_give_token =
    "<!doctype html><meta charset=utf-8><title>a token is needed</title>\n"
    "<p>A token is needed here, which a link does not send. <a href=\"/\">The page</a> asks for it, and shows the same."
    "<p>Others send it with what they ask: <code>curl -H \"Authorization: Bearer $(cat TOKEN-FILE)\" URL</code>, then "
    "<code>go tool pprof FILE</code>; Prometheus: <code>authorization: {credentials_file: TOKEN-FILE}</code>.\n";

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
    if (viewer::is_of_replay(request) && (name == "replay" || name == "at")) continue;
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
      views_(settings.max_age, turns_),
      collector_({.timeout = settings.timeout,
                  .chosen = [this](const std::string& name) { return is_chosen(name); },
                  .turns = &turns_,
                  .snapshot = [this](pid_t pid, std::uint64_t start) { return views_.looks().recent(pid, start); }}),
      profiles_(collector_, views_, settings.max_age, [this](pid_t pid) { return check(pid); }),
      list_([this] { return json_text(list()); }) {}

bool host_server::is_chosen(const std::string& name) const {
  return chosen_.empty() ||
         std::any_of(chosen_.begin(), chosen_.end(), [&](const pattern& each) { return each.matches(name); });
}

v1::ListView host_server::list() {
  // Who was asked for counts within the last second is not asked again.
  const auto seen = collector_.look(live_age);
  std::map<std::pair<pid_t, std::uint64_t>, counted_process> counted;
  for (const auto& each : seen->processes)
    if (each.told_by == process_metrics::teller::agent)
      counted[{each.pid, each.start_time}] = {each.counts, each.running};
  auto found = list_processes(settings_.timeout, search_, [&](const process_stat& stat) -> const counted_process* {
    const auto its = counted.find({stat.pid, stat.start_time});
    return its == counted.end() ? nullptr : &its->second;
  });
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
  turns_.forget_old();
  views_.looks().forget_old();
  views_.brought().forget_old();
}

http_answer host_server::answer(const http_request& request) {
  const bool is_page = request.path == "/" || request.path.starts_with("/assets/");
  const bool brings = request.path == std::string(api_begin).append(replays_path);
  const asked_access asked{.method = request.method,
                           .is_public = is_page,
                           .takes_recordings = brings,
                           .has_mark = request.header("Tasks-Replay").has_value(),
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
    if (refused->status == 401 && asked.mode == "navigate")
      made = text_answer(401, html_text, std::string(how_to_give_token));
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
  constexpr std::string_view profiles_begin = "/debug/pprof/";
  if (path == "/" || path.starts_with("/assets/")) return page(request);
  if (path == "/metrics") return metrics(request);
  if (path.starts_with(api_begin)) return api(request, path.substr(api_begin.size()));
  if (path.starts_with(profiles_begin)) return profiles_.answer(request, path.substr(profiles_begin.size()));
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
  if (path == "processes") return processes(request);
  if (path == replays_path) return replays(request);
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
  if (!viewer::is_of_replay(request))
    if (const auto there = check(*pid); !there) return error_answer(there.why());
  return process_api(request, *pid, path.substr(slash + 1));
}

http_answer host_server::processes(const http_request& request) {
  if (!viewer::is_of_replay(request)) return json_answer(list_.get(list_age)->seen);
  const auto seen = views_.view(request, std::nullopt, look_depth::tasks, {"list", "--json"});
  return seen ? view_answer(*seen, json_type) : error_answer(seen.why());
}

http_answer host_server::replays(const http_request& request) {
  if (request.method == "POST") return views_.brought().bring(request);
  auto made = error_answer(405, "refused", {error_code::usage, request.path, "recordings are brought here", "POST"});
  made.headers.emplace_back("Allow", "POST");
  return made;
}

http_answer host_server::process_api(const http_request& request, pid_t pid, std::string_view what) {
  if ((what == "events" || what == "recording") && viewer::is_of_replay(request))
    return error_answer(error{error_code::usage, "replay", fmt::format("a recording has no {}", what), ""});
  if (what == "events") return process_events(request, pid);
  if (what == "recording") return recording(pid);
  for (const auto& each : settings_.views)
    if (each.name == what) return view(request, pid, each);
  return not_found(request.path);
}

http_answer host_server::view(const http_request& request, pid_t pid, const offered_view& offered) {
  const auto words = words_of(request, offered);
  if (!words) return error_answer(words.why());
  const auto seen = views_.view(request, pid, offered.depth, *words);
  if (!seen) return error_answer(seen.why());
  if (offered.name == "leaks" && words->size() == 2 && !seen->of->is_brought) keep_leaks(pid, seen->made->text);
  return view_answer(*seen, json_type);
}

void host_server::keep_leaks(pid_t pid, const std::string& json) {
  v1::LeaksView found;
  const auto stat = read_stat(pid);
  if (stat && google::protobuf::util::JsonStringToMessage(json, &found).ok())
    collector_.keep_leaks(pid, stat->start_time, found);
}

http_answer host_server::recording(pid_t pid) {
  const auto look = views_.looks().look_at(pid, look_depth::moment);
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

}  // namespace tasks::cli
