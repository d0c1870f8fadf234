"""What tasks_gdb.py and tasks_lldb.py have in common: asks the executable `tasks`, and makes lines of its answers.

  a process that is stopped, or a core ──tasks stack --json──> tasks with their frames ──> text

The debugger has stopped the process already: it is read from outside (--direct), and nobody stops it again or waits
for its agent. Knows no debugger, and needs nothing but Python's standard library.
"""

import json
import os
import re
import shlex
import shutil
import subprocess

SCHEMA_VERSION = 2
MOST_FRAMES = 200
# Bytes behind the begin of a frame whose size is not known that may be in it.
MOST_OF_FRAME = 4096
# What decides where tasks are read and in which form they come.
NOT_TO_BE_CHOSEN = ("-p", "--pid", "--core", "--exe", "--from", "--at", "--direct", "--json", "--watch", "--group", "--format",
                    "--by", "--ids", "--interval", "-H", "--host")


class Refused(Exception):
    """Why there is no answer, in a line for the user."""


def clean(text):
    """Text of the target's, with nothing in it that a terminal takes for a command."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def without_name(line):
    """A line of `tasks`, which begins with its name."""
    return clean(line[len("tasks: "):] if line.startswith("tasks: ") else line)


def executable():
    """The `tasks` that this script belongs to: $TASKS, or the one of its build or installation, or of PATH."""
    chosen = os.environ.get("TASKS")
    if chosen:
        return chosen
    here = os.path.dirname(os.path.realpath(__file__))
    for place in ("../tasks", "../../../bin/tasks"):
        path = os.path.normpath(os.path.join(here, place))
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    found = shutil.which("tasks")
    if found is None:
        raise Refused("there is no executable tasks: put it in PATH, or its path in $TASKS")
    return found


def run(words, patience=None):
    """What `tasks WORDS` printed, and what it said on standard error. It gets no terminal, and `patience` seconds."""
    program = executable()
    try:
        with subprocess.Popen([program] + words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as child:
            try:
                out, err = child.communicate(timeout=patience)
            except BaseException:
                child.kill()
                raise
    except OSError as why:
        raise Refused("%s: %s" % (program, why.strerror)) from None
    except subprocess.TimeoutExpired:
        raise Refused("%s has not answered within %s seconds" % (program, patience)) from None
    said = err.decode("utf-8", "replace").strip()
    if child.returncode == 0:
        return out.decode("utf-8", "replace"), said
    if child.returncode < 0:
        raise Refused("%s was ended by signal %d" % (program, -child.returncode))
    if child.returncode == 2 and ("--addresses" in said or not said):
        raise Refused("%s is older than this script: put the path of its own in $TASKS" % program)
    if not said:
        raise Refused("%s failed with code %d" % (program, child.returncode))
    raise Refused(without_name(said.splitlines()[-1]))


class Answer:
    """Tasks, and what was said about them."""

    def __init__(self, document, said):
        self.tasks = document.get("tasks") or []
        self.shown = int(document.get("shown") or 0)
        self.total = int(document.get("total") or 0)
        # That threads might have run is no news: the debugger holds them.
        self.notes = [without_name(line) for line in said.splitlines() if "--no-stop" not in line]
        self.notes += [clean(note) for note in document.get("notes") or []]


def ask(where, words, locals_too=False, patience=None):
    """Tasks of the target `where` (options of tasks), those that the options `words` select. `patience`: in seconds."""
    form = ["--json", "--addresses", "--no-native"] + (["--locals"] if locals_too else [])
    out, said = run(["stack"] + where + form + (["--no-stop"] if not locals_too else []) + words, patience)
    try:
        document = json.loads(out)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Refused("what %s has printed cannot be understood" % executable())
    if document.get("schemaVersion") != SCHEMA_VERSION:
        raise Refused("%s is of another version than this script" % executable())
    return Answer(document, said)


def ask_with_locals(where, words):
    """The same with parameters and variables; without them where they cannot be read."""
    try:
        return ask(where, words, True)
    except Refused as why:
        answer = ask(where, words)
        answer.notes.append("no values: %s" % why)
        return answer


def ask_for(where, task):
    """That one task, with its parameters and variables."""
    found = ask_with_locals(where, ["--task", str(task)])
    if not found.tasks:
        raise Refused("task %d is not there" % task)
    return found.tasks[0], found.notes


def selecting(argument, limit):
    """The words of a command line that select tasks, with --limit; 0: all."""
    try:
        words = shlex.split(argument)
    except ValueError as why:
        raise Refused(str(why)) from None
    for word in words:
        if word.split("=")[0] in NOT_TO_BE_CHOSEN:
            raise Refused("%s is not for a debugger: filters of tasks stack are" % word)
    if limit and not any(word.split("=")[0] == "--limit" for word in words):
        words += ["--limit", str(limit)]
    return words


def task_id(text):
    """The number of a task."""
    if not text.isdigit():
        raise Refused("which task? \"%s\" is no number of one: info tasks shows them" % clean(text))
    return int(text)


def address(text):
    """Of the "0x…" in an answer; 0: not known."""
    return int(text, 16) if text else 0


def age(seconds):
    """3s, 5m10s, 2h03m"""
    if seconds is None:
        return ""
    whole = int(seconds)
    if whole < 60:
        return "%ds" % whole
    if whole < 3600:
        return "%dm%02ds" % (whole // 60, whole % 60)
    return "%dh%02dm" % (whole // 3600, whole % 3600 // 60)


def state(task):
    """What it does, in words: "channel receive, 3s"."""
    wait = task.get("wait")
    if task["state"] == "RUNNING":
        words = ["running on thread %d" % task["thread"]]
    elif wait:
        words = [wait["kind"].lower().replace("_", " ")]
        if wait.get("fd") is not None:
            words.append("fd %d" % wait["fd"])
        if wait.get("object"):
            words.append(wait["object"])
        if wait.get("peer"):
            words.append("peer " + clean(wait["peer"]))
    else:
        words = [task["state"].lower()]
    words.insert(1, age(task.get("ageSeconds")))
    return ", ".join(word for word in words if word)


def place(frame):
    """"/src/lab.cpp:86"; nothing: not known."""
    if not frame or not frame.get("file"):
        return ""
    return "%s:%d" % (clean(frame["file"]), frame["line"])


def function(frame):
    """Its name with the types of its parameters."""
    return clean(frame.get("function") or "") or "??"


def bare_function(frame):
    """Its name without them: what gdb writes in front of its own."""
    name = function(frame)
    if not name.endswith(")"):
        return name
    depth = 0
    for at in range(len(name) - 1, 0, -1):
        depth += (name[at] == ")") - (name[at] == "(")
        if depth == 0:
            return name[:at]
    return name


def heading(task):
    """task 9 "conn 42" [socket read, 3s, fd 8]"""
    name = ' "%s"' % clean(task["name"]) if task.get("name") else ""
    labels = "".join(" %s=%s" % (clean(key), clean(value)) for key, value in sorted((task.get("labels") or {}).items()))
    return "task %d%s%s [%s]" % (task["id"], name, labels, state(task))


def frame_line(number, frame):
    """#1  worker(std::shared_ptr<pool>) at lab.cpp:86"""
    where = place(frame)
    return "#%-3d%s%s" % (number, function(frame), " at " + where if where else "")


def origin(task):
    """Lines about where it comes from, and who waits for it."""
    lines = []
    by = " by task %d" % task["parentId"] if task.get("parentId") else ""
    for key, word in (("spawnedAt", "at"), ("spawnedAfter", "after")):
        frame = task.get(key)
        if frame:
            where = place(frame)
            lines.append("spawned%s %s %s%s" % (by, word, function(frame), " " + where if where else ""))
            break
    else:
        if by:
            lines.append("spawned" + by)
    if task.get("awaited") and task.get("parentId"):
        lines.append("awaited by task %d" % task["parentId"])
    return lines


def frames_of(task):
    """Innermost first, each with its number; of very many the first ones."""
    return list(enumerate(task["frames"][:MOST_FRAMES]))


def left_out(task):
    """A line about frames that are not shown; nothing: all are."""
    more = len(task["frames"]) - MOST_FRAMES
    if more > 0:
        return "… %d frames more: tasks stack --task %d" % (more, task["id"])
    return "… deeper frames were not recorded" if task.get("truncated") else ""


def table(tasks):
    """A line for each task, under a heading."""
    rows = [("ID", "STATE", "FUNCTION", "PLACE")]
    for task in tasks:
        outermost = task["frames"][-1] if task["frames"] else {}
        innermost = task["frames"][0] if task["frames"] else {}
        name = ' "%s"' % clean(task["name"]) if task.get("name") else ""
        rows.append((str(task["id"]), state(task), function(outermost) + name, os.path.basename(place(innermost))))
    widths = [min(max(len(row[column]) for row in rows), most) for column, most in ((0, 20), (1, 40), (2, 60))]
    return [("%*s  %-*s  %-*s  %s" % (widths[0], row[0], widths[1], row[1], widths[2], row[2], row[3])).rstrip()
            for row in rows]


def member_name(fields, offset):
    """Which of a frame's members (offset, name) an offset is in, as the program calls it; nothing: none."""
    before = [field for field in fields if field[0] <= offset]
    name = max(before)[1] if before else ""
    # g++ appends how deep its block is, and which.
    return re.sub(r"_\d+_\d+$", "", name)


def holders(tasks, where, inside_of):
    """Lines about the frame that `where` lies in, and tasks that wait for it. `inside_of(frame, offset)`: the frame's size
    in bytes and the name of what lies there; 0 and nothing: not known."""
    lines, nearest = [], (0, None, 0, None)
    for task in tasks:
        for number, frame in enumerate(task["frames"]):
            begin = address(frame.get("address"))
            if nearest[0] < begin <= where:
                nearest = (begin, task, number, frame)
        if any(address((wait or {}).get("object")) == where for wait in [task.get("wait")] + (task.get("also") or [])):
            lines.append(heading(task) + " waits for it")
    begin, task, number, frame = nearest
    if task is None:
        return lines
    offset = where - begin
    size, member = inside_of(frame, offset)
    what = "frame %d of task %d: %s" % (number, task["id"], frame_line(number, frame)[4:].strip())
    if offset < size:
        lines.insert(0, "%s, %d bytes into %s" % (clean(member), offset, what) if member else
                     "%d bytes into %s" % (offset, what))
    elif size == 0 and offset < MOST_OF_FRAME:
        lines.insert(0, "perhaps %d bytes into (its size is not known) %s" % (offset, what))
    return lines


def more_than_shown(answer, words, how):
    """A line about tasks that `--limit` of `words` has kept back; nothing: it has not."""
    limits = [after for before, after in zip(words, words[1:]) if before == "--limit"]
    limits += [word.split("=", 1)[1] for word in words if word.startswith("--limit=")]
    if not limits or not limits[-1].isdigit() or not int(limits[-1]) <= answer.shown < answer.total:
        return ""
    return "%d of %d tasks shown: %s" % (answer.shown, answer.total, how)
