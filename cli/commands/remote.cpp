#include "commands/remote.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/json.hpp"
#include "base/json_syntax.hpp"
#include "base/text.hpp"
#include "commands/command.hpp"
#include "commands/command_line.hpp"
#include "commands/open_target.hpp"
#include "commands/other_words.hpp"
#include "commands/remote_script.hpp"
#include "commands/remote_sessions.hpp"
#include "linux/own_files.hpp"
#include "linux/piped_child.hpp"
#include "views/json.hpp"
#include "views/list.hpp"

namespace tasks::cli {
namespace {

using word_list = std::vector<std::string>;

/// An option where it stands among words.
struct option_use {
  const option* which = nullptr;
  std::size_t first = 0, past = 0;  ///< words
  std::size_t value_word = 0;
  std::size_t value_at = std::string::npos;  ///< in that word; npos: there is no value
};

/// Nothing: the word is none of them.
std::optional<option_use> use_at(const word_list& words, std::size_t i, std::span<const option> options) {
  const std::string_view word = words[i];
  if (word.size() < 2 || word.front() != '-' || word == "--") return std::nullopt;
  const bool is_long = word.starts_with("--");
  const auto name = word.substr(0, is_long ? word.find('=') : 2);
  const auto found = std::find_if(options.begin(), options.end(), [name](const option& o) {
    const auto names = names_of(o);
    return std::find(names.begin(), names.end(), name) != names.end();
  });
  if (found == options.end()) return std::nullopt;
  option_use use{.which = &*found, .first = i, .past = i + 1};
  if (found->value.empty()) return use;
  if (name.size() < word.size()) {
    use.value_word = i;
    use.value_at = name.size() + (is_long ? 1 : 0);
  } else if (found->value.front() != '[' && i + 1 < words.size()) {
    use.past = i + 2;
    use.value_word = i + 1;
    use.value_at = 0;
  }
  return use;
}

/// Of an option by its long name.
std::optional<option_use> find_use(const word_list& words, std::span<const option> options, std::string_view name) {
  for (std::size_t i = 0; i < words.size() && words[i] != "--";) {
    const auto use = use_at(words, i, options);
    if (use && long_name(use->which->names) == name) return use;
    i = use ? use->past : i + 1;
  }
  return std::nullopt;
}

/// As ssh would take it for an option, or for nothing.
std::optional<error> why_no_host(const std::string& word) {
  const auto host = word.substr(word.rfind('@') + 1);
  if (word.empty() || host.empty()) return usage_error("--host", fmt::format("\"{}\" is no host", word), "[USER@]HOST");
  if (word.front() == '-' || host.front() == '-')
    return usage_error("--host", fmt::format("\"{}\" is no host: it begins with a hyphen", clean(word)), "[USER@]HOST");
  const auto is_strange = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; };
  if (std::any_of(word.begin(), word.end(), is_strange))
    return usage_error("--host", fmt::format("\"{}\" is no host", clean(word)), "[USER@]HOST");
  return std::nullopt;
}

/// What the words of one command mean for where it runs.
struct planned {
  const command* of = nullptr;
  bool json = false, watch = false;
  std::optional<option_use> file;  ///< that is written here; of a recorder's it is not, which outlives a connection
};

planned plan_of(const word_list& words) {
  std::vector<const char*> pointers;
  for (const auto& word : words) pointers.push_back(word.c_str());
  planned plan;
  plan.of = &command_of(pointers);
  const auto& options = plan.of->options;
  plan.json = find_use(words, options, "--json").has_value();
  plan.watch = find_use(words, options, "--watch").has_value();
  if (plan.of->name != "record") plan.file = find_use(words, options, "--output");
  if (plan.file && plan.file->value_at == std::string::npos) plan.file.reset();  // which tasks there will say
  return plan;
}

/// What stands behind it is nobody's option.
word_list::const_iterator own_end(const word_list& words) { return std::find(words.begin(), words.end(), "--"); }

bool wants_help(const word_list& words) {
  return !words.empty() && (words.front() == "help" || words.front() == "-h" ||
                            std::find(words.begin(), own_end(words), "--help") != own_end(words));
}

/// A file that is there under its name once it is whole.
class local_file {
 public:
  static result<local_file> open(std::string name) {
    local_file made(std::move(name));
    made.fd_ = detail::descriptor(::open(made.unfinished().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!made.fd_) return error{error_code::usage, "--output " + made.name_, ::strerror(errno), ""};
    return made;
  }
  local_file(local_file&&) = default;
  local_file& operator=(local_file&&) = delete;
  ~local_file() {
    if (fd_) ::unlink(unfinished().c_str());
  }

  result<void> keep(std::string_view bytes) {
    output to(fd_.get());
    append(to.text(), bytes);
    if (const auto written = to.finish(); !written) return written;
    if (std::rename(unfinished().c_str(), name_.c_str()) != 0)
      return error{error_code::system, "--output " + name_, ::strerror(errno), ""};
    fd_.reset();
    return {};
  }

 private:
  explicit local_file(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] std::string unfinished() const { return name_ + ".part"; }
  std::string name_;
  detail::descriptor fd_;
};

/// As an argument of text() there is no room for the folder: the file's name here, in what was said of it there.
std::string with_name_here(std::string text, const std::string& there, const std::string& here) {
  for (auto at = text.find(there); at != text.npos; at = text.find(there, at + here.size()))
    text.replace(at, there.size(), here);
  return text;
}

remote_script script_for(const std::string& host, const word_list& words, const text_style& style) {
  remote_script script;
  script.host = host;
  script.token = new_token();
  script.words = words;
  if (style.width != 0) script.columns = std::to_string(style.width);
  if (style.terminal) script.terminal = fmt::format("{}{}", style.width, style.color ? ",color" : "");
  return script;
}

void bring(remote_script& script, const std::vector<own_file>& files, std::string& input) {
  for (const auto& file : files) {
    script.brings.emplace_back(file.name, file.bytes.size());
    input += file.bytes;
  }
}

/// A plugin says on standard output, in one line, that it could not check: no other code than 3 means that.
int as_plugin(const host_answer& answer, output& out) {
  if (answer.code <= 3) return answer.code;
  append(out.text(),
         "UNKNOWN: " +
             (answer.why.empty() ? fmt::format("tasks: {}: tasks cannot be run there", answer.host) : answer.why) +
             "\n");
  return 3;
}

class remote_run {
 public:
  remote_run(const remote_call& call, output& out) : call_(call), out_(out), plan_(plan_of(call.words)) {}

  result<int> run() {
    if (call_.push) {
      auto files = own_files();
      if (!files) return files.why();
      brought_ = *std::move(files);
    }
    const bool takes_terminal = plan_.of->name == "top" || plan_.watch;
    if (call_.hosts.size() > 1) {
      if (auto why = why_not_of_several(takes_terminal)) return *std::move(why);
      return run_on_several();
    }
    if (takes_terminal && ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1) return run_on_terminal();
    return plan_.file ? run_for_file() : run_on_one();
  }

 private:
  [[nodiscard]] std::optional<error> why_not_of_several(bool takes_terminal) const {
    if (takes_terminal)
      return usage_error(plan_.watch ? "--watch" : "top", "not of several hosts at once", "one -H at a time");
    if (plan_.file) return usage_error("--output", "one file of several hosts", "one -H at a time");
    return std::nullopt;
  }

  [[nodiscard]] bool is_check() const { return plan_.of->name == "check"; }

  session_request request(const std::string& host, const word_list& words, const text_style& style) const {
    session_request asked;
    asked.host = host;
    asked.script = script_for(host, words, style);
    bring(asked.script, brought_, asked.input);
    return asked;
  }

  result<int> run_on_one() {
    auto asked = request(call_.hosts.front(), call_.words, out_.style());
    asked.to = &out_;
    const auto answers = run_sessions({std::move(asked)});
    if (!answers) return answers.why();
    return is_check() ? as_plugin(answers->front(), out_) : answers->front().code;
  }

  result<int> run_for_file() {
    auto words = call_.words;
    auto& word = words[plan_.file->value_word];
    const auto name_here = word.substr(plan_.file->value_at);
    const std::string name(base_name(name_here));
    if (name.empty() || name == "." || name == "..")
      return usage_error("--output", fmt::format("\"{}\" is no file", name_here));
    auto file = local_file::open(name_here);
    if (!file) return file.why();
    word.replace(plan_.file->value_at, std::string::npos, std::string(file_word) + name);
    auto asked = request(call_.hosts.front(), words, out_.style());
    asked.script.file = name;
    const auto answers = run_sessions({std::move(asked)});
    if (!answers) return answers.why();
    const auto& answer = answers->front();
    append(out_.text(), answer.file ? with_name_here(answer.text, answer.folder + "/" + name, name_here) : answer.text);
    if (!answer.file) return answer.code != 0 ? answer.code : no_answer;
    if (const auto kept = file->keep(*answer.file); !kept) return kept.why();
    return answer.code;
  }

  /// Its standard input is the terminal's, so that what is brought along is brought before.
  result<int> run_on_terminal() {
    const auto& host = call_.hosts.front();
    auto script = script_for(host, call_.words, {});
    script.on_terminal = true;
    script.no_color = !out_.style().color;
    if (call_.push) {
      auto asked = request(host, {}, {});
      asked.script.leaves_it = true;
      const auto answers = run_sessions({std::move(asked)});
      if (!answers) return answers.why();
      const auto& text = answers->front().text;
      if (answers->front().code != 0 || !text.starts_with('/')) return std::max(answers->front().code, 1);
      script.brought = text.substr(0, text.find('\n'));
    }
    const auto status = run_on_our_terminal(ssh_words(host, text_of(script), true));
    if (!status) return status.why();
    const int code = WIFEXITED(*status) ? WEXITSTATUS(*status) : no_answer;
    if (code != no_answer) return code;
    tell_on_standard_error(fmt::format("tasks: {}: ssh did not reach it, or has lost it", host));
    if (!script.brought.empty()) {  // best effort: it is a temporary file
      session_request removal;
      removal.host = host;
      removal.command = removal_of(script.brought);
      (void)run_sessions({std::move(removal)});
    }
    return code;
  }

  result<int> run_on_several() {
    auto words = call_.words;
    const bool is_list = plan_.of->name == "list" && std::find(words.begin(), words.end(), "--cores") == words.end();
    if (is_list && !plan_.json) words.emplace_back("--json");
    std::vector<session_request> asked;
    for (const auto& host : call_.hosts) {
      asked.push_back(request(host, words, is_list || plan_.json ? text_style() : out_.style()));
      asked.back().names_host = true;
    }
    const auto answers = run_sessions(std::move(asked));
    if (!answers) return answers.why();
    if (plan_.json) return print_documents(*answers);
    return is_list ? print_list(*answers) : print_one_after_the_other(*answers);
  }

  static int largest(const std::vector<host_answer>& answers) {
    int code = 0;
    for (const auto& each : answers) code = std::max(code, each.code);
    return code;
  }

  result<int> print_list(const std::vector<host_answer>& answers) {
    int code = largest(answers);
    std::vector<host_list> lists;
    for (const auto& each : answers) {
      host_list its{each.host, {}};
      if (each.code != 0) continue;
      if (read_document(each.text, its.list)) {
        lists.push_back(std::move(its));
      } else {
        tell_on_standard_error(fmt::format("tasks: {}: what it printed is no list of processes", each.host));
        code = std::max(code, 1);
      }
    }
    if (!lists.empty()) render_list(out_.text(), lists, {.style = out_.style()});
    return code;
  }

  /// A v1::HostsView, whose documents are as they came.
  result<int> print_documents(const std::vector<host_answer>& answers) {
    int code = largest(answers);
    json_writer json(out_.text());
    json.begin_object();
    json.key("schemaVersion");
    json.number(schema_version);
    json.key("hosts");
    json.begin_array();
    for (const auto& each : answers) {
      const auto document = std::string_view(each.text).substr(0, each.text.find_last_not_of(" \n") + 1);
      const bool is_whole = each.code != no_answer && is_json_object(document);
      if (!is_whole && each.code == 0) code = std::max(code, 1);
      json.on_a_line();
      json.begin_object();
      json.key("host");
      json.string(each.host);
      json.key("exitCode");
      json.number(static_cast<std::uint64_t>(each.code));
      json.key("said");
      json.begin_array();
      for (const auto& line : each.said) json.string(line);
      json.end_array();
      json.key("document");
      if (is_whole) {
        json.foreign_value();
        print_text(document);
      } else {
        json.null();
      }
      json.end_object();
      if (!out_.flush_if_large()) return code;
    }
    json.end_array();
    json.end_object();
    append(out_.text(), "\n");
    return code;
  }

  /// What one has printed may be long: no copy of it is kept.
  void print_text(std::string_view text) {
    constexpr std::size_t at_once = 1 << 20;
    for (; !text.empty(); text.remove_prefix(std::min(at_once, text.size()))) {
      append(out_.text(), text.substr(0, at_once));
      if (!out_.flush_if_large()) return;
    }
  }

  result<int> print_one_after_the_other(const std::vector<host_answer>& answers) {
    int code = 0;
    bool is_first = true;
    for (const auto& each : answers) {
      if (is_check()) {  // the first line is what a monitor shows
        append(out_.text(), each.host + ": " + each.text);
        code = std::max(code, as_plugin(each, out_));
        continue;
      }
      code = std::max(code, each.code);
      if (each.text.empty()) continue;
      append(out_.text(), is_first ? "" : "\n");
      append_colored(out_.text(), bold, "== " + each.host, out_.style());
      append(out_.text(), "\n\n");
      print_text(each.text);
      is_first = false;
    }
    return code;
  }

  const remote_call& call_;
  output& out_;
  planned plan_;
  std::vector<own_file> brought_;
};

}  // namespace

std::span<const option> host_options() {
  static const std::array<option, 2> options = {
      option{.names = "-H,--host",
             .value = "HOST",
             .help = "run it on [USER@]HOST, by the tasks there, over ssh; several times: on all of them at once",
             .repeats = true},
      option{.names = "--push",
             .value = "",
             .help = "with -H: bring this executable along, run it there and remove it again"}};
  return options;
}

result<std::optional<remote_call>> take_hosts(std::span<const char* const> given) {
  const word_list all(given.begin(), given.end());
  remote_call call;
  std::vector<option> options(host_options().begin(), host_options().end());
  const auto own = options.size();
  bool is_command_known = false;
  std::size_t its_name = 0;
  bool has_rest = false;  // words of a program, of which none is ours
  std::optional<std::string> push;
  for (std::size_t i = 0; i < all.size();) {
    auto use = use_at(all, i, options);
    const bool is_ours = use && use->which < options.data() + own;
    if (!is_ours && !is_command_known) {
      // What takes a value is the command's business: that of "tasks --function -H" is no host.
      const auto* named = find_command(all[i]);
      const auto& its = (named != nullptr ? *named : *find_command("vitals")).options;
      options.insert(options.end(), its.begin(), its.end());
      is_command_known = true;
      its_name = i;
      has_rest = named != nullptr && takes_other_words(*named);
      continue;
    }
    if (all[i] == "--" || (has_rest && i != its_name && !all[i].starts_with('-'))) {
      call.words.insert(call.words.end(), all.begin() + static_cast<std::ptrdiff_t>(i), all.end());
      break;
    }
    const auto past = use ? use->past : i + 1;
    if (!is_ours) {
      call.words.insert(call.words.end(), all.begin() + static_cast<std::ptrdiff_t>(i),
                        all.begin() + static_cast<std::ptrdiff_t>(past));
    } else if (use->which->value.empty()) {
      if (all[i] != "--push") return usage_error("--push", "takes no value");
      call.push = true;
    } else {
      if (use->value_at == std::string::npos) return usage_error("--host", "its HOST is missing", "[USER@]HOST");
      auto host = all[use->value_word].substr(use->value_at);
      if (auto why = why_no_host(host)) return *std::move(why);
      if (std::find(call.hosts.begin(), call.hosts.end(), host) == call.hosts.end())
        call.hosts.push_back(std::move(host));
    }
    i = past;
  }
  if (!call.hosts.empty()) return std::optional(std::move(call));
  if (call.push) return usage_error("--push", "there is no host to bring it to", "add -H [USER@]HOST");
  return std::optional<remote_call>();
}

result<int> run_remotely(const remote_call& call, output& out) {
  if (!wants_help(call.words)) return remote_run(call, out).run();
  std::vector<const char*> words;
  for (const auto& word : call.words) words.push_back(word.c_str());
  const auto help = parse_command_line(words);
  if (!help) return help.why();
  append(out.text(), help->text);
  return 0;
}

}  // namespace tasks::cli
