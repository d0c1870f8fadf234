#include <errno.h>
#include <fmt/format.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "commands/command.hpp"
#include "commands/open_target.hpp"
#include "commands/run.hpp"
#include "linux/proc.hpp"
#include "serve/serve.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

struct serve_request : patience {
  std::string listen = "127.0.0.1:9464";
  std::vector<std::string> processes, names;
  std::optional<std::string> token_file;
  std::chrono::milliseconds max_age{1000};
};

server_of_host* chosen_server = nullptr;

/// How deep a view looks.
struct served_view {
  std::string_view name;
  look_depth depth;
};
constexpr std::array served_views = {
    served_view{"vitals", look_depth::tasks},      served_view{"stack", look_depth::tasks},
    served_view{"tree", look_depth::tasks},        served_view{"requests", look_depth::tasks},
    served_view{"threads", look_depth::moment},    served_view{"channels", look_depth::moment},
    served_view{"operations", look_depth::moment}, served_view{"memory", look_depth::memory},
    served_view{"leaks", look_depth::moment},      served_view{"why", look_depth::moment}};

/// Those that say which target, how it is read and what is written where: the server decides.
constexpr std::array<std::string_view, 16> not_offered = {
    "--pid", "--json",  "--timeout", "--direct",   "--no-hook", "--core",   "--exe",    "--from",
    "--at",  "--watch", "--no-stop", "--interval", "--locals",  "--format", "--output", "--details"};

offered_view offer(const served_view& served) {
  const auto& of = *find_command(served.name);
  offered_view made;
  made.name = of.name;
  made.help = of.help;
  made.depth = served.depth;
  for (const auto& word : of.words)
    if (word.names == "TASK") made.word = "task";
  for (const auto& each : of.options) {
    const auto name = long_name(each.names);
    if (std::find(not_offered.begin(), not_offered.end(), name) != not_offered.end()) continue;
    // An option without a value of its own is a flag, with one that may be left out too.
    const bool is_flag = each.value.empty() || each.value.starts_with('[');
    made.options.push_back({std::string(name.substr(name.find_first_not_of('-'))),
                            std::string(is_flag ? "" : each.value), std::string(each.help), each.repeats});
  }
  return made;
}

serve_settings settings_of(const serve_request& asked) {
  serve_settings made;
  made.listen = asked.listen;
  made.processes = asked.processes;
  made.token_file = asked.token_file;
  made.names = asked.names;
  made.max_age = asked.max_age;
  made.timeout = asked.timeout;
  for (const auto& each : served_views) made.views.push_back(offer(each));
  return made;
}

/// tasks-serve, beside this executable or where packages put what users do not call.
result<int> become_server() {
  const auto self = read_link("/proc/self/exe").value_or("");
  const auto folder = self.substr(0, self.rfind('/'));
  auto words = command_line_of(::getpid());
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  for (const std::string_view place : {"/tasks-serve", "/../libexec/tasks/tasks-serve"}) {
    const auto path = folder + std::string(place);
    ::execv(path.c_str(), pointers.data());
    if (errno != ENOENT && errno != ENOTDIR) return error{error_code::system, path, ::strerror(errno), ""};
  }
  return error{error_code::system, "serve", fmt::format("there is no tasks-serve beside {}", self),
               "install it with tasks, or build it with libcpp-httplib-dev"};
}

result<int> run_serve(const serve_request& asked, output&) {
  return chosen_server != nullptr ? chosen_server(settings_of(asked)) : become_server();
}

option_of<serve_request> list_option(std::string_view names, std::string_view value, std::string_view help,
                                     std::vector<std::string> serve_request::*field) {
  option_of<serve_request> made{{names, value, help},
                                [field](serve_request& to, const std::string& typed) -> result<void> {
                                  (to.*field).push_back(typed);
                                  return {};
                                }};
  made.repeats = true;
  return made;
}

}  // namespace

void set_server(server_of_host* server) noexcept { chosen_server = server; }

command serve_command() {
  return make_command<serve_request>(
      "serve", "for browsers, Prometheus and go tool pprof: all of this over HTTP, until it is interrupted", {},
      {text(
           "--listen", "ADDRESS",
           "where: 127.0.0.1:9464 without, [::1]:9464, unix:/PATH; where other machines can ask only with --token-file",
           &serve_request::listen),
       list_option("--process", "NAME",
                   "only processes that are called so: a name, or a regular expression of the whole name",
                   &serve_request::processes),
       text(
           "--token-file", "FILE",
           "who asks has to have the token that is the file's first line (Authorization: Bearer TOKEN); without it the "
           "user who runs this, and root, are answered and nobody else",
           &serve_request::token_file),
       list_option("--name", "HOST", "a name by which browsers may ask this host, besides its addresses and localhost",
                   &serve_request::names),
       duration("--max-age", "SECONDS",
                "how old an answer may be (default 1): a process is looked at once for all who ask",
                &serve_request::max_age, 0ms),
       timeout_option()},
      run_serve);
}

}  // namespace tasks::cli
