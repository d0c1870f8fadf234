#include "commands/remote_script.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <iterator>

#include "base/shell_words.hpp"
#include "commands/command_line.hpp"

namespace tasks::cli {
namespace {

std::string this_system() {
  utsname name{};
  ::uname(&name);
  return fmt::format("{} {}", name.sysname, name.machine);
}

/// A folder, which goes when the shell does.
constexpr std::string_view make_folder = R"sh(d=$(mktemp -d) || exit 126
trap 'rm -rf "$d"' EXIT
)sh";

/// Waits for the end of standard input and interrupts what its parent has become by then: tasks, if it is still there.
/// Of SIGINT alone shells say nothing.
constexpr std::string_view watch_input = R"sh(exec 3<&0 </dev/null
(cat <&3; read -r a b c p q </proc/self/stat; test "$p" = $$ && kill -INT $$) >/dev/null 2>&1 &
exec "$@" 3<&-)sh";

void add_files(std::string& text, const remote_script& of) {
  std::size_t all = 0;
  for (const auto& [name, size] : of.brings) all += size;
  text += fmt::format(R"sh(m=$(uname -sm)
test "$m" = {0} || {{ say "it is $m, and this executable is for "{0}; exit 126; }}
umask 077
head -c {1} >"$d/all" || exit 126
test "$(wc -c <"$d/all")" -eq {1} || {{ say 'this executable did not arrive whole'; exit 126; }}
mkdir "$d/bin"
)sh",
                      quoted_for_sh(this_system()), all);
  std::size_t at = 1;
  for (const auto& [name, size] : of.brings) {
    text += fmt::format("tail -c +{} \"$d/all\" | head -c {} >\"$d/bin\"/{}\n", at, size, quoted_for_sh(name));
    at += size;
  }
  text += "rm \"$d/all\"\nchmod 700 \"$d/bin/tasks\"\n";
}

/// Its words, in which the folder stands for file_word.
std::string words_for(const remote_script& of) {
  std::string text;
  for (const auto& word : of.words) {
    text += ' ';
    const auto at = word.find(file_word);
    if (!of.file || at == word.npos)
      text += quoted_for_sh(word);
    else
      text += quoted_for_sh(word.substr(0, at)) + "\"$d\"/" + quoted_for_sh(word.substr(at + file_word.size()));
  }
  return text;
}

}  // namespace

std::string text_of(const remote_script& of) {
  const bool is_brought = !of.brings.empty() || !of.brought.empty();
  auto text =
      fmt::format("say() {{ printf '%s\\n' {}\"$1\" >&2; }}\n", quoted_for_sh(fmt::format("tasks: {}: ", of.host)));
  text += "trap 'exit 129' HUP\ntrap 'exit 141' PIPE\ntrap 'exit 143' TERM\ntrap : INT\n";
  if (!of.brought.empty())
    text += fmt::format("d={}\ntrap 'rm -rf \"$d\"' EXIT\n", quoted_for_sh(of.brought));
  else if (is_brought || of.file)
    text += make_folder;
  if (!of.brings.empty()) add_files(text, of);
  if (is_brought)
    text +=
        "t=$d/bin/tasks\nLD_LIBRARY_PATH=$d/bin${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}\nexport LD_LIBRARY_PATH\n"
        "v=$(\"$t\" version 2>&1) || { say \"this executable cannot start there: $v\"; exit 126; }\n";
  else
    text +=
        "t=tasks\ncommand -v tasks >/dev/null 2>&1 ||\n"
        "{ say 'there is no tasks in its PATH (install it there, or --push brings this one along)'; exit 127; }\n"
        "v=$(tasks version 2>&1) || { say \"its tasks cannot start: $v\"; exit 126; }\n";
  const auto ours = fmt::format("tasks {}", program_version);
  text += fmt::format("test \"$v\" = {0} || say \"its $v is not the \"{0}' of this host: views may differ'\n",
                      quoted_for_sh(ours));
  if (of.leaves_it) return text + fmt::format("trap - EXIT\nprintf '%s\\n' {} \"$d\"\n", of.token);
  if (!of.columns.empty()) text += fmt::format("COLUMNS={}\nexport COLUMNS\n", quoted_for_sh(of.columns));
  if (!of.terminal.empty())
    text += fmt::format("TASKS_TERMINAL={}\nexport TASKS_TERMINAL\n", quoted_for_sh(of.terminal));
  if (of.no_color) text += "NO_COLOR=1\nexport NO_COLOR\n";
  if (of.on_terminal) return text + fmt::format("\"$t\"{}\nexit $?\n", words_for(of));
  text += fmt::format("printf '%s\\n' {}\nsh -c {} sh \"$t\"{}\nc=$?\n", of.token, quoted_for_sh(watch_input),
                      words_for(of));
  if (of.file)
    text += fmt::format(R"sh(f="$d"/{}
if test -f "$f"; then printf '\n%s %s %s\n' {} "$d" "$(($(wc -c <"$f")))"; cat "$f"; fi
)sh",
                        quoted_for_sh(*of.file), of.token);
  return text + "exit $c\n";
}

std::string removal_of(std::string_view folder) { return "rm -rf " + quoted_for_sh(folder) + "\n"; }

}  // namespace tasks::cli
