#include <fmt/format.h>

#include <iterator>
#include <span>
#include <string>
#include <string_view>

#include "commands/command.hpp"
#include "commands/command_line.hpp"
#include "commands/remote.hpp"

/// `tasks man`: the manual page, printed from the table of commands.

namespace tasks::cli {
namespace {

/// A hyphen that stays one, and no line taken for a request.
std::string roff(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '-') escaped += '\\';
    escaped += c;
  }
  if (!escaped.empty() && (escaped.front() == '.' || escaped.front() == '\'')) escaped.insert(0, "\\&");
  return escaped;
}

struct manual_request {};

/// A paragraph under what it is about, which is roff.
void entry(fmt::memory_buffer& out, std::string_view about, std::string_view text) {
  fmt::format_to(std::back_inserter(out), ".TP\n{}\n{}\n", about, roff(text));
}

void describe_command(fmt::memory_buffer& out, const command& c) {
  const auto to = std::back_inserter(out);
  fmt::format_to(to, ".SH TASKS {}\n.B tasks {}\n{}", roff(c.name), roff(c.name),
                 c.options.empty() ? "" : "[\\fIOPTIONS\\fR]");
  for (const auto& word : c.words) fmt::format_to(to, " \\fI{}\\fR", roff(word.names));
  fmt::format_to(to, "\n.PP\n{}.\n", roff(c.help));
  for (const auto& word : c.words) entry(out, fmt::format("\\fI{}\\fR", roff(word.names)), word.help);
  for (const auto& o : c.options) {
    auto about = fmt::format("\\fB{}\\fR", roff(fmt::format("{}", fmt::join(names_of(o), ", "))));
    if (!o.value.empty()) about += fmt::format(" \\fI{}\\fR", roff(o.value));
    entry(out, about, o.help);
  }
}

struct described {
  std::string_view what, meaning;
};

constexpr described marks[] = {
    {"*", "In list: the process's agent answered."},
    {"!",
     "In list: something is wrong with the process, which tasks vitals names. Elsewhere, before a line: what is "
     "missing from the view, and why; what is shown is true all the same."},
    {"…", "There is more: the rest of a name, of a group's tasks or of a stack."}};

constexpr described exit_codes[] = {
    {"0", "What was asked for was printed. Of tasks leaks: nothing was found to be wrong."},
    {"1",
     "The target could not be read (of tasks doctor: no task of it can be seen), a view of a report is missing, or the "
     "output could not be written: what is printed "
     "says why."},
    {"2",
     "The command line makes no sense, or a name is that of several processes. Of tasks top: there is no terminal, or "
     "one that cannot move its cursor."},
    {"3", "Of tasks leaks: it found tasks that never wake, grow, stall or are due."},
    {"0, 1, 2, 3", "Of tasks check: OK, WARNING, CRITICAL, UNKNOWN, as plugins for monitoring have it."},
    {"4", "Of tasks leaks: it found none, but could not tell of every task that waits for what can be proven."},
    {"0, 1",
     "Of tasks record --when: as many files as --limit were written, or it was interrupted behind the first one; none "
     "was, or the process has ended before."},
    {"23, 124, 126, 127, 128 and more",
     "Of tasks run: the program left leaked tasks, and would have ended with 0; it was ended by --timeout; it cannot "
     "be "
     "executed; there is none; a signal ended it, whose number is added to 128. All else is the program's own, or 2 "
     "where the command line makes no sense."},
    {"126, 127, 255",
     "With -H: tasks cannot start on that host; there is none; ssh failed, or its connection was lost, and what is "
     "printed may not be all. Of several hosts the largest code. Of tasks check it is 3 instead."}};

constexpr described environment_variables[] = {
    {"NO_COLOR", "No colour, also on a terminal."},
    {"COLUMNS", "How wide lines may be where standard output is no terminal; without it they are not broken."},
    {"TASKS_AGENT",
     "Of the program that is looked at, when it starts: off starts no agent. Its memory can be read "
     "all the same."},
    {"TASKS_DUMP",
     "Of a program with an agent, when it starts: terminate has an exception that nobody catches, std::terminate() and "
     "abort() say on standard error what was thrown and the await chain of the task that threw it; "
     "terminate:/path/%p.%t "
     "in a file, %p being the process id and %t the seconds since the epoch."},
    {"TASKS_EXCEPTIONS",
     "Of a program that links tasks::exceptions, when it starts: 1 has the await chain taken of each exception that is "
     "thrown in a task, for tasks::stack_of()."},
    {"TASKS_DIR",
     "Of the program that is looked at, when it starts: the directory of its agent's socket, instead of "
     "$XDG_RUNTIME_DIR/tasks or /tmp/tasks-UID. tasks itself needs no variable to find it."},
    {"TASKS",
     "In gdb and lldb: the path of the tasks that is asked, where it is not the one that their script was installed "
     "with."},
    {"TASKS_CORES",
     "The folder in which list --cores and --core NAME look for cores, instead of /var/lib/systemd/coredump; "
     "coredumpctl "
     "is not asked then."},
    {"TMPDIR",
     "Where a compressed core is unpacked to, in a file without a name: instead of /var/tmp, /tmp or, where neither "
     "can "
     "be written to, memory."},
    {"TASKS_SSH", "With -H: what is run instead of ssh, a program and its options as a shell takes them: ssh -F FILE."},
    {"TASKS_CACHE",
     "off keeps nothing of what is learnt of a program that has no hook, and reads nothing that was kept."},
    {"XDG_CACHE_HOME",
     "What is learnt of the code of such programs is kept in $XDG_CACHE_HOME/tasks, or in ~/.cache/tasks, for the next "
     "look at them. Both need to be their user's own, and to be written by nobody else."}};

constexpr described examples[] = {
    {"tasks", "Which processes are there?"},
    {"tasks vitals server --watch", "How many tasks and threads has the process of that name, every second?"},
    {"tasks top server", "What do its tasks do now, and how does that change?"},
    {"tasks stack server --group --limit 5", "What do most tasks wait for?"},
    {"tasks stack server --kind socket-read --older-than 5m",
     "Who waits for a peer that has said nothing for so long?"},
    {"tasks requests server --by user", "For whom does it work now, for how long, and what does that wait for?"},
    {"tasks leaks server && echo fine", "Are there tasks that will never wake?"},
    {"tasks why server 14", "What does task 14 wait for, and who could wake it?"},
    {"tasks operations server --group", "What keeps run() from returning?"},
    {"tasks memory server", "Which coroutines own its memory, and what do leaked ones keep alive?"},
    {"tasks check server --max-tasks 5000 --leaks", "Is everything as it should be, for monitoring?"},
    {"tasks report server -o report.txt", "Save everything before a restart."},
    {"tasks record server --every 10s --for 8h --with leaks", "Keep what happens at night, …"},
    {"tasks leaks --from server-4131.tasks --at 03:15", "… and look at it in the morning."},
    {"tasks record server --when leaks --limit 5 --cool-down 10m",
     "A file of what was before, then and after, each time that more tasks leak."},
    {"tasks run --timeout 60s --leaks --report %n-%p.txt -- ./server_test",
     "A test in CI: what hangs, dies or leaks says what it was doing."},
    {"tasks diff --from server-4131.tasks --at 22:00 --at 03:15", "What has grown meanwhile?"},
    {"tasks stack server --format pprof > tasks.pb.gz", "A profile of tasks by their stacks, for go tool pprof -http."},
    {"tasks stack server --format goroutines > server.txt", "As a Go program that panics prints its goroutines."},
    {"tasks profile server --for 30s -o server.pb.gz",
     "Where does CPU time go, and for which tasks? For go tool pprof; .folded, .speedscope.json and .perfetto.json "
     "likewise."},
    {"tasks stack --core core.4131 --group", "What did a process do when it died?"},
    {"tasks gdb-script", "What has gdb know tasks: gdb -p PID -x $(tasks gdb-script), and then info tasks."},
    {"tasks list --cores", "Which cores has systemd stored, and which hold tasks?"},
    {"tasks vitals --core server", "What happened to the process of that name which died last?"},
    {"tasks doctor -p server", "Why can its tasks not be seen, and what mends that?"},
    {"tasks -H web1 -H web2 list", "Which processes are there on these hosts?"},
    {"tasks -H root@web1 --push report -p server -o report.txt",
     "Save everything of a process of a host that has no tasks, in a file here."},
    {"tasks vitals -p 3f2a1b4c5d6e", "How many tasks has the process in this container?"},
    {"tasks list --json | jq '.processes[] | select(.tasks > 1000) | .pid'", "In a script."}};

void describe_host_options(fmt::memory_buffer& out) {
  fmt::format_to(std::back_inserter(out), ".SH OPTIONS OF EVERY COMMAND\nBefore its name or behind it.\n");
  for (const auto& o : host_options()) {
    auto about = fmt::format("\\fB{}\\fR", roff(fmt::format("{}", fmt::join(names_of(o), ", "))));
    if (!o.value.empty()) about += fmt::format(" \\fI{}\\fR", roff(o.value));
    entry(out, about, o.help);
  }
  fmt::format_to(
      std::back_inserter(out), ".PP\n{}\n",
      roff("Passwords and keys are ssh's business. Files that report and profile write (-o) are files here; what is "
           "read "
           "(--from, --core, --exe, recordings to compare), and what record writes, are files there. top and --watch "
           "take one host."));
}

void section(fmt::memory_buffer& out, std::string_view title, std::span<const described> all) {
  fmt::format_to(std::back_inserter(out), ".SH {}\n", title);
  for (const auto& each : all) entry(out, fmt::format("\\fB{}\\fR", roff(each.what)), each.meaning);
}

result<int> run_manual(const manual_request&, output& out) {
  const auto to = std::back_inserter(out.text());
  fmt::format_to(to, ".TH TASKS 1 \"\" \"tasks {}\"\n.SH NAME\ntasks \\- what the coroutines of a running program do\n",
                 program_version);
  fmt::format_to(to,
                 ".SH SYNOPSIS\n.B tasks\n[\\fICOMMAND\\fR] [\\fIOPTIONS\\fR]\n.br\n.B tasks\n\\fIPID\\fR\n"
                 ".br\n.B tasks \\-H\n\\fIHOST\\fR … [\\fICOMMAND\\fR] [\\fIOPTIONS\\fR]\n");
  fmt::format_to(to,
                 ".SH DESCRIPTION\nWithout a command,\n.B tasks\nlists processes;\n.B tasks\n\\fIPID\\fR is\n"
                 ".B tasks vitals\n\\-p \\fIPID\\fR.\n\\fIPID\\fR is a process id, a name that one process has, or the "
                 "id of a container (twelve digits of it or more)\n"
                 "in which one process has tasks.\n"
                 ".B tasks help\n\\fICOMMAND\\fR lists a command's options,\n.B tasks version\nsays which this is.\n");
  describe_host_options(out.text());
  for (const auto& c : commands()) describe_command(out.text(), c);
  section(out.text(), "MARKS", marks);
  section(out.text(), "EXIT STATUS", exit_codes);
  section(out.text(), "ENVIRONMENT", environment_variables);
  section(out.text(), "EXAMPLES", examples);
  return 0;
}

}  // namespace

command manual_command() { return make_command<manual_request>("man", "print the manual page", {}, {}, run_manual); }

}  // namespace tasks::cli
