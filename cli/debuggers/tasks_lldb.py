"""lldb: info tasks (or tasks), task ID, task apply, task find.

  echo "command script import $(tasks lldb-script)" >> ~/.lldbinit

As tasks_gdb.py does it, but for the backtrace of a thread, to which lldb lets nobody add. For lldb 14 and later.
"""

import importlib.util
import itertools
import os
import sys

import lldb

LIMIT = 100


def load_ask():
    """tasks_ask.py beside this file, which may be linked to. Nothing is written there."""
    path = os.path.join(os.path.dirname(os.path.realpath(__file__)), "tasks_ask.py")
    spec = importlib.util.spec_from_file_location("tasks_ask", path)
    module = importlib.util.module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


ask = load_ask()


# The target.


def is_core(path):
    """Is that file an ELF core?"""
    try:
        with open(path, "rb") as file:
            head = file.read(18)
    except OSError:
        return False
    return head[:4] == b"\x7fELF" and head[16:18] == b"\x04\x00"


def core_name():
    """The core that lldb reads, which it maps, and does not tell the name of."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        paths = {line.split(None, 5)[5].rstrip("\n") for line in maps if len(line.split(None, 5)) == 6}
    cores = [path for path in sorted(paths) if path.startswith("/") and is_core(path)]
    if len(cores) != 1:
        raise ask.Refused("which core this is is not known: tasks stack --core FILE")
    return cores[0]


def where(target):
    """The options of tasks that mean the selected target."""
    process = target.GetProcess()
    if not process.IsValid() or process.GetState() in (lldb.eStateInvalid, lldb.eStateExited, lldb.eStateUnloaded):
        raise ask.Refused("there is no process, and no core")
    if process.GetPluginName() == "elf-core":
        program = target.GetExecutable().fullpath
        return ["--core", core_name()] + (["--exe", program] if program else [])
    if target.GetPlatform().GetName() not in ("host", None):
        raise ask.Refused("the process is on another machine")
    return ["-p", str(process.GetProcessID()), "--direct"]


# Frames of coroutines.


def word_at(target, place):
    """Eight bytes of the target's memory; 0: they cannot be read."""
    error = lldb.SBError()
    word = target.GetProcess().ReadUnsignedFromMemory(place, 8, error)
    return word if error.Success() else 0


def blocks_in(block):
    """A block of code and those within it."""
    yield block
    child = block.GetFirstChild()
    while child.IsValid():
        yield from blocks_in(child)
        child = child.GetSibling()


def frame_type(target, begin):
    """What the compiler says of a frame: the type of g++'s parameter frame_ptr, of clang's variable __coro_frame. None:
    lldb does not know it."""
    body = (word_at(target, begin) or word_at(target, begin + 8)) if begin else 0
    function = target.ResolveLoadAddress(body).GetFunction() if body else None
    if function is None or not function.IsValid():
        return None
    for block in blocks_in(function.GetBlock()):
        for variable in block.GetVariables(target, True, True, False):
            if variable.GetName() == "frame_ptr":
                return variable.GetType().GetPointeeType()
            if variable.GetName() == "__coro_frame":
                return variable.GetType()
    return None


def frame_value(target, begin):
    """The frame as a value; none: its type is not known."""
    known = frame_type(target, begin)
    if known is None or not known.IsValid():
        return None
    return target.CreateValueFromAddress("frame", lldb.SBAddress(begin, target), known)


def words_of(value):
    """As lldb has it, in a line."""
    words = " ".join(word for word in (value.GetValue(), value.GetSummary()) if word)
    if not words:
        words = "<%s>" % value.GetTypeName()
    return ask.clean(words if len(words) <= 400 else words[:400] + "…")


def local_words(target, begin, local):
    """What lldb prints of a variable; else what tasks says."""
    frame = frame_value(target, begin)
    offset = ask.address(local.get("address")) - begin
    if frame is not None:
        known = frame.GetType()
        for number in range(known.GetNumberOfFields()):
            if known.GetFieldAtIndex(number).GetOffsetInBytes() == offset:
                value = frame.GetChildMemberWithName(known.GetFieldAtIndex(number).GetName())
                if value.IsValid() and (value.GetValue() or value.GetSummary()):
                    return words_of(value)
    return ask.clean(local["value"] if local.get("value") is not None else "<%s>" % local["type"])


# Commands.


def frame_lines(target, number, frame, with_values):
    """One frame of a chain."""
    yield ask.frame_line(number, frame)
    begin = ask.address(frame.get("address"))
    for local in (frame.get("locals") or []) if with_values else []:
        yield "        %s = %s" % (ask.clean(local["name"]), local_words(target, begin, local))


def task_lines(target, task, with_values):
    """The chain of one task, innermost frame first."""
    yield ask.heading(task)
    for number, frame in ask.frames_of(task):
        yield from frame_lines(target, number, frame, with_values)
    if ask.left_out(task):
        yield ask.left_out(task)
    yield from ask.origin(task)


def note_lines(notes):
    for note in notes:
        yield "! " + note


def list_lines(target, argument):
    """info tasks"""
    words = ask.selecting(argument, LIMIT)
    found = ask.ask(where(target), words)
    yield from note_lines(found.notes)
    if not found.tasks:
        yield "no tasks" if found.total == 0 else "none of %d tasks matches" % found.total
        return
    yield from ask.table(found.tasks)
    more = ask.more_than_shown(found, words, "info tasks --limit %d, or filters of tasks stack" % found.total)
    if more:
        yield more


def one_task(target, words):
    """task ID [frame N]"""
    if len(words) not in (1, 3) or len(words) == 3 and (words[1] != "frame" or not words[2].isdigit()):
        raise ask.Refused("task ID, or task ID frame N (help task)")
    task, notes = ask.ask_for(where(target), ask.task_id(words[0]))
    yield from note_lines(notes)
    if len(words) == 1:
        yield from task_lines(target, task, True)
        return
    number = int(words[2])
    if number >= len(task["frames"]):
        raise ask.Refused("task %d has %d frames" % (task["id"], len(task["frames"])))
    yield from frame_lines(target, number, task["frames"][number], True)


def apply(target, words):
    """task apply all|ID... bt [full]"""
    ids = list(itertools.takewhile(str.isdigit, words))
    command = words[1:] if words[:1] == ["all"] else words[len(ids):]
    if command not in (["bt"], ["bt", "full"]) or words[0] != "all" and not ids:
        raise ask.Refused("task apply all bt, or task apply ID... bt [full] (help task)")
    full = len(command) == 2
    chosen = list(itertools.chain.from_iterable(("--task", each) for each in ids))
    chosen += [] if ids else ["--limit", str(LIMIT)]
    found = (ask.ask_with_locals if full else ask.ask)(where(target), chosen)
    yield from note_lines(found.notes)
    for number, task in enumerate(found.tasks):
        if number:
            yield ""
        yield from task_lines(target, task, full)
    missing = set(map(int, ids)) - {task["id"] for task in found.tasks}
    if missing:
        raise ask.Refused("not there: " + ", ".join("task %d" % each for each in sorted(missing)))
    more = ask.more_than_shown(found, chosen, "info tasks selects")
    if more:
        yield "\n" + more


def find(target, words):
    """task find ADDRESS"""
    value = target.EvaluateExpression("(unsigned long)(%s)" % " ".join(words)) if words else None
    if value is None or not value.GetError().Success():
        raise ask.Refused("task find ADDRESS")
    place = value.GetValueAsUnsigned()

    def inside_of(frame, offset):
        known = frame_type(target, ask.address(frame.get("address")))
        if known is None or not known.IsValid():
            return 0, ""
        fields = [known.GetFieldAtIndex(number) for number in range(known.GetNumberOfFields())]
        return known.GetByteSize(), ask.member_name([(each.GetOffsetInBytes(), each.GetName() or "") for each in fields], offset)

    lines = ask.holders(ask.ask(where(target), []).tasks, place, inside_of)
    return lines or ["0x%x is in no task's frame, and no task waits for it" % place]


def answer(debugger, result, make):
    """Lines of a command, or its error."""
    try:
        for line in make(debugger.GetSelectedTarget()):
            result.AppendMessage(line)
    except ask.Refused as why:
        result.SetError(str(why))


def tasks(debugger, command, result, internal_dict):
    """Tasks (coroutines) of the program, a line each: info tasks [FILTER]...

Filters are those of `tasks stack': --kind, --state, --function REGEX, --name REGEX, --older-than AGE, --limit N, ..."""
    del internal_dict
    answer(debugger, result, lambda target: list_lines(target, command))


def task(debugger, command, result, internal_dict):
    """The chain of awaits of a task, innermost frame first, with parameters and variables where they are known.

task ID
task ID frame N
task apply all|ID... bt [full]
task find ADDRESS"""
    del internal_dict
    words = command.split()

    def make(target):
        if words[:1] == ["apply"]:
            return apply(target, words[1:])
        if words[:1] == ["find"]:
            return find(target, words[1:])
        return one_task(target, words)

    answer(debugger, result, make)


def __lldb_init_module(debugger, internal_dict):
    del internal_dict
    name = __name__
    answered = lldb.SBCommandReturnObject()
    interpreter = debugger.GetCommandInterpreter()
    for line in ("command script add -o -f {0}.tasks tasks", "command script add -o -f {0}.task task",
                 "command container add -o -h 'What is known of the program.' info",
                 "command script add -o -f {0}.tasks info tasks"):
        interpreter.HandleCommand(line.format(name), answered)
