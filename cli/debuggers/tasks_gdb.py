"""gdb: info tasks, task ID, task apply, task find, and the chain of awaits in the backtrace of a thread that runs a task.

  gdb -x $(tasks gdb-script)                        for once
  echo "source $(tasks gdb-script)" >> ~/.gdbinit   for ever
  ln -s $(tasks gdb-script) PROGRAM-gdb.py          with that program, where auto-load safe-path allows it

Tasks are read by the executable `tasks`, so that they have the same numbers everywhere; values are gdb's own. For gdb 10
and later. Ada's commands of the same names are replaced.
"""

import atexit
import importlib.util
import itertools
import os
import re
import shutil
import sys
import tempfile

import gdb
import gdb.FrameDecorator


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


def core_name():
    """The core that gdb reads; none: it reads a process."""
    text = gdb.execute("info files", to_string=True)
    found = re.search(r"core dump file:\s*\n\s*[`'\u2018](.+?)['\u2019], file type", text)
    return found.group(1) if found else None


def is_remote():
    """Is the process on another machine, or held by another program, such as gdbserver?"""
    return "remote" in gdb.execute("maint print target-stack", to_string=True).lower()


def of_core(path):
    """The options of tasks that mean a core of the selected inferior."""
    program = gdb.current_progspace().filename
    return ["--core", path] + (["--exe", program] if program and os.path.isfile(program) else [])


# A core that gdb has written of the process as it stands, in a folder of its own: [path], or nothing.
written = []


def write_core():
    """That core, written once a stop."""
    if not written:
        folder = tempfile.mkdtemp(prefix="tasks-gdb-")
        written.append(os.path.join(folder, "core"))
        try:
            gdb.execute("generate-core-file " + written[0], to_string=True)
        except gdb.error as why:
            remove_core()
            raise ask.Refused("no core can be written: %s" % why) from None
    return written[0]


def remove_core():
    """It is of the past."""
    while written:
        shutil.rmtree(os.path.dirname(written.pop()), ignore_errors=True)


def where():
    """The options of tasks that mean the selected inferior."""
    inferior = gdb.selected_inferior()
    if not inferior.pid:
        raise ask.Refused("there is no process, and no core")
    core = core_name()
    if core:
        return of_core(core)
    if gdb.parameter("tasks-through-core"):
        return of_core(write_core())
    if is_remote():
        raise ask.Refused("the process is not gdb's own: set tasks-through-core on (help set tasks-through-core)")
    return ["-p", str(inferior.pid), "--direct"]


def inner_tid(thread):
    """A thread as its own pid namespace, and so its task, calls it."""
    tid = thread.ptid[1]
    try:
        with open("/proc/%d/task/%d/status" % (thread.ptid[0], tid), encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith("NSpid:"):
                    return int(line.split()[-1])
    except (OSError, ValueError):
        pass
    return tid


# Frames of coroutines.

# Characters of one value.
MOST_OF_VALUE = 400


def word_at(place):
    """Eight bytes of the target's memory."""
    return int.from_bytes(bytes(gdb.selected_inferior().read_memory(place, 8)), "little")


def body_of(begin):
    """The function that resumes the coroutine of that frame, else the one that destroys it; 0: there is none."""
    try:
        return word_at(begin) or word_at(begin + 8)
    except gdb.error:
        return 0


def blocks_at(place):
    """The block of code there and those around it, up to the function."""
    block = gdb.block_for_pc(place)
    while block is not None and not block.is_global and not block.is_static:
        yield block
        if block.function is not None:
            return
        block = block.superblock


def frame_type_in(block):
    """What the compiler says of the frame: the type of g++'s parameter frame_ptr, of clang's variable __coro_frame."""
    for symbol in block:
        if symbol.name == "frame_ptr" and symbol.is_argument:
            pointer = symbol.type.strip_typedefs()
            if pointer.code == gdb.TYPE_CODE_PTR:
                return pointer.target()
        elif symbol.name == "__coro_frame":
            return symbol.type
    return None


def find_frame_type(body):
    """Of the frames that `body` resumes; none: there is no debug information of it."""
    own = list(blocks_at(body))
    if not own or own[-1].function is None:
        return None
    for block in own:
        found = frame_type_in(block)
        if found is not None:
            return found
    # Blocks can only be found by the code in them. In those of an inlined function is that one's frame.
    seen = set()
    for line in own[-1].function.symtab.linetable():
        if not own[-1].start <= line.pc < own[-1].end:
            continue
        blocks = list(blocks_at(line.pc))
        if not blocks or (blocks[-1].start, blocks[-1].end) != (own[-1].start, own[-1].end):
            continue
        for block in blocks:
            if (block.start, block.end) in seen:
                continue
            seen.add((block.start, block.end))
            found = frame_type_in(block)
            if found is not None:
                return found
    return None


frame_types = {}


def frame_type(begin):
    """The type of the frame that begins there; none: gdb does not know it."""
    body = body_of(begin) if begin else 0
    if not body:
        return None
    if body not in frame_types:
        try:
            frame_types[body] = find_frame_type(body)
        except (gdb.error, RuntimeError):
            frame_types[body] = None
    return frame_types[body]


def frame_value(begin):
    """A pointer to the frame, of its own type where gdb knows that."""
    known = frame_type(begin)
    return gdb.Value(begin).cast(known.pointer() if known else gdb.lookup_type("char").pointer().pointer())


def member_at(begin, place):
    """The frame's member that lies at `place`; none: gdb does not know it."""
    known = frame_type(begin)
    if known is None:
        return None
    for field in known.fields():
        if getattr(field, "bitpos", -1) == (place - begin) * 8 and not field.is_base_class:
            return frame_value(begin).dereference()[field]
    return None


def parameters(begin):
    """Names and values of g++'s frame in front of its index: what the coroutine was called with."""
    known = frame_type(begin)
    if known is None:
        return []
    found = []
    for field in known.fields():
        if field.name == "_Coro_resume_index":
            return found
        if field.name and not field.name.startswith("_") and field.name != "frame_ptr":
            found.append((field.name, frame_value(begin).dereference()[field]))
    return []


def words_of(value):
    """As print has it, in a line."""
    try:
        text = value.format_string(pretty_structs=False, pretty_arrays=False, static_members=False)
    except gdb.error as why:
        return "<%s>" % ask.clean(str(why).strip())
    return ask.clean(text if len(text) <= MOST_OF_VALUE else text[:MOST_OF_VALUE] + "…")


def local_line(begin, local):
    """        jobs = std::shared_ptr<pool> (use count 7, …) = …"""
    member = member_at(begin, ask.address(local.get("address")))
    if member is not None:
        words = words_of(member)
    else:
        words = ask.clean(local["value"] if local.get("value") is not None else "<%s>" % local["type"])
    return "        %s = %s" % (ask.clean(local["name"]), words)


# Commands.


def tell(line):
    """A line, which may be where the user has had enough: gdb ends the command then."""
    gdb.write(line + "\n")


def tell_notes(notes):
    for note in notes:
        tell("! " + note)


def tell_task(task, with_values):
    """The chain of one task, innermost frame first."""
    tell(ask.heading(task))
    for number, frame in ask.frames_of(task):
        tell_frame(number, frame, with_values)
    if ask.left_out(task):
        tell(ask.left_out(task))
    for line in ask.origin(task):
        tell(line)


def tell_frame(number, frame, with_values):
    tell(ask.frame_line(number, frame))
    for local in (frame.get("locals") or []) if with_values else []:
        tell(local_line(ask.address(frame.get("address")), local))


def select(task, number=None):
    """Sets $task, $task_frame and $task_frame_number: of frame `number`, or of the innermost one that is known."""
    gdb.set_convenience_variable("task", task["id"])
    gdb.set_convenience_variable("task_frame", None)
    gdb.set_convenience_variable("task_frame_number", None)
    for at, frame in enumerate(task["frames"]):
        if (number is None or at == number) and frame.get("address"):
            gdb.set_convenience_variable("task_frame", frame_value(ask.address(frame["address"])))
            gdb.set_convenience_variable("task_frame_number", at)
            return


def limit():
    """How many tasks are shown at once; 0: all."""
    return gdb.parameter("tasks-limit")


class Command(gdb.Command):
    """One of these; what goes wrong is an error of gdb's, in a line."""

    def invoke(self, argument, from_tty):
        del from_tty
        try:
            self.run(argument.strip())
        except ask.Refused as why:
            hint = "; or set tasks-through-core on" if "ptrace_scope" in str(why) else ""
            raise gdb.GdbError(str(why) + hint) from None
        except gdb.error as why:
            raise gdb.GdbError(str(why)) from None

    def run(self, argument):
        """Does it."""
        raise NotImplementedError


class InfoTasks(Command):
    """Tasks (coroutines) of the program, a line each: number, state, function, and where it is suspended.

Usage: info tasks [FILTER]...
Filters are those of `tasks stack': --kind, --state, --function REGEX, --spawned-at FILE[:LINE], --name REGEX,
--label KEY[=VALUE], --older-than AGE, --thread TID, --fd FD, --sort id|age, --limit N.
Of more than `show tasks-limit' the first ones are shown."""

    def __init__(self):
        super().__init__("info tasks", gdb.COMMAND_DATA, gdb.COMPLETE_NONE)

    def run(self, argument):
        words = ask.selecting(argument, limit())
        found = ask.ask(where(), words)
        tell_notes(found.notes)
        if not found.tasks:
            tell("no tasks" if found.total == 0 else "none of %d tasks matches" % found.total)
            return
        for line in ask.table(found.tasks):
            tell(line)
        more = ask.more_than_shown(found, words, "set tasks-limit 0 shows all, filters select (help info tasks)")
        if more:
            tell(more)


class Task(Command):
    """The chain of awaits of a task, innermost frame first, with parameters and variables where they are known.

Usage: task ID [frame N]
Frames are those that lie suspended in memory, and not on any stack. Values are printed as `print' does it.
Sets $task, $task_frame (a pointer to the frame N, or to the innermost one, of its own type where there is debug
information: print *$task_frame) and $task_frame_number.
Without ID: the task that the selected thread runs."""

    def __init__(self):
        super().__init__("task", gdb.COMMAND_STACK, gdb.COMPLETE_NONE, True)

    def run(self, argument):
        words = argument.split()
        if not words:
            words = [str(task_of_thread()["id"])]
        if len(words) not in (1, 3) or len(words) == 3 and (words[1] != "frame" or not words[2].isdigit()):
            raise ask.Refused("task ID, or task ID frame N (help task)")
        task, notes = ask.ask_for(where(), ask.task_id(words[0]))
        tell_notes(notes)
        if len(words) == 1:
            select(task)
            tell_task(task, True)
            return
        number = int(words[2])
        if number >= len(task["frames"]):
            raise ask.Refused("task %d has %d frames" % (task["id"], len(task["frames"])))
        select(task, number)
        tell_frame(number, task["frames"][number], True)


class TaskApply(Command):
    """Does something for tasks.

Usage: task apply all|ID... COMMAND
COMMAND is bt, bt full (with parameters and variables), or any other of gdb's, which is given $task and $task_frame as
after `task ID'. Of more than `show tasks-limit' all is the first ones."""

    def __init__(self):
        super().__init__("task apply", gdb.COMMAND_STACK, gdb.COMPLETE_NONE)

    def run(self, argument):
        words = argument.split()
        ids = list(itertools.takewhile(str.isdigit, words))
        if words[:1] == ["all"]:
            ids = []
            command = words[1:]
        else:
            command = words[len(ids):]
        if not command or words[0] != "all" and not ids:
            raise ask.Refused("task apply all bt, or task apply ID... COMMAND (help task apply)")
        chosen = list(itertools.chain.from_iterable(("--task", each) for each in ids))
        full = command in (["bt", "full"], ["bt", "-full"], ["backtrace", "full"])
        is_trace = full or command in (["bt"], ["backtrace"])
        chosen += [] if ids else ask.selecting("", limit())
        asked = (ask.ask_with_locals if full else ask.ask)(where(), chosen)
        tell_notes(asked.notes)
        for number, task in enumerate(asked.tasks):
            if number:
                tell("")
            if is_trace:
                tell_task(task, full)
                continue
            tell(ask.heading(task))
            select(task)
            gdb.execute(" ".join(command))
        missing = set(map(int, ids)) - {task["id"] for task in asked.tasks}
        if missing:
            raise ask.Refused("not there: " + ", ".join("task %d" % each for each in sorted(missing)))
        more = ask.more_than_shown(asked, chosen, "set tasks-limit 0 shows all")
        if more:
            tell("\n" + more)


class TaskFind(Command):
    """Whose an address is: the task in whose frame it lies, tasks that wait for what is there, the thread on whose stack.

Usage: task find ADDRESS
ADDRESS is any expression: task find this."""

    def __init__(self):
        super().__init__("task find", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def run(self, argument):
        if not argument:
            raise ask.Refused("task find ADDRESS")
        place = int(gdb.parse_and_eval(argument).cast(gdb.lookup_type("unsigned long")))
        asked = ask.ask(where(), [])
        lines = ask.holders(asked.tasks, place, inside_of) + stacks_with(place)
        for line in lines or ["0x%x is in no task's frame and on no thread's stack, and no task waits for it" % place]:
            tell(line)


def inside_of(frame, offset):
    """How large that frame is, and what of it lies at `offset`; 0 and nothing: gdb does not know it."""
    known = frame_type(ask.address(frame.get("address")))
    if known is None:
        return 0, ""
    fields = [(field.bitpos // 8, field.name or "") for field in known.fields() if hasattr(field, "bitpos")]
    return known.sizeof, ask.member_name(fields, offset)


def stacks_with(place):
    """Lines about threads on whose stacks an address lies."""
    lines = []
    before, frame_before = gdb.selected_thread(), None
    try:
        frame_before = gdb.selected_frame()
        for thread in gdb.selected_inferior().threads():
            thread.switch()
            frame, level = gdb.newest_frame(), 0
            if place < int(frame.read_register("sp")):
                continue
            while frame.older() is not None:
                if place < int(frame.older().read_register("sp")):
                    lines.append("on the stack of thread %d (LWP %d), in frame %d: %s" %
                                 (thread.num, thread.ptid[1], level, ask.clean(frame.name() or "??")))
                    break
                frame, level = frame.older(), level + 1
    except gdb.error:
        pass  # what cannot be unwound is not known
    finally:
        if before is not None and before.is_valid():
            before.switch()
        if frame_before is not None and frame_before.is_valid():
            frame_before.select()
    return lines


class TasksLimit(gdb.Parameter):
    """How many tasks `info tasks' and `task apply all' show at once; 0: all."""

    set_doc = "Set how many tasks are shown at once; 0: all."
    show_doc = "Show how many tasks are shown at once; 0: all."

    def __init__(self):
        super().__init__("tasks-limit", gdb.COMMAND_DATA, gdb.PARAM_ZINTEGER)
        self.value = 100

    def get_set_string(self):
        if self.value < 0:
            self.value = 0
        return ""

    def get_show_string(self, value):
        return "At most %s tasks are shown at once (0: all)." % value


class TasksThroughCore(gdb.Parameter):
    """Whether tasks are read from a core that gdb writes for it at each stop at which they are asked for.

For processes that the executable `tasks' may not read while gdb may: behind gdbserver, or where
kernel.yama.ptrace_scope is 1. Cores are written to the temporary directory, are as large as the process's memory, and
are removed when it goes on."""

    set_doc = "Set whether tasks are read from a core that gdb writes at each stop."
    show_doc = "Show whether tasks are read from a core that gdb writes at each stop."

    def __init__(self):
        super().__init__("tasks-through-core", gdb.COMMAND_DATA, gdb.PARAM_BOOLEAN)
        self.value = False

    def get_set_string(self):
        forget()
        return ""

    def get_show_string(self, value):
        return "Tasks are read from a core that gdb writes at each stop: %s." % value


# The backtrace of a thread.

# For so many seconds a backtrace waits for tasks, once a stop.
PATIENCE = 10
# What a stop has shown, until the program goes on: number and pid of an inferior -> tasks that run there, each with those
# that await it.
running = {}


def forget(*_):
    """Of no use any more: the program went on, or is another."""
    running.clear()
    remove_core()


def forget_code(*_):
    """Nor are addresses of code."""
    frame_types.clear()
    forget()


def has_hook():
    """Only then tasks are found at once: without, all memory would be copied for a backtrace."""
    return ".note.tasks" in gdb.execute("info files", to_string=True)


def running_tasks():
    """Tasks that run now, each with what awaits it: [[task, parent, …], …]. Asked for once a stop, whatever comes of it."""
    inferior = gdb.selected_inferior()
    key = (inferior.num, inferior.pid)
    if key not in running:
        running[key] = []
        if inferior.pid and has_hook():
            target = where()
            tasks = ask.ask(target, ["--state", "running"], patience=PATIENCE).tasks
            running[key] = [with_parents(target, task) for task in tasks]
    return running[key]


def with_parents(target, task):
    """It, the task that awaits it, and so on."""
    chain = [task]
    while task.get("awaited") and task.get("parentId") and len(chain) < 16:
        above = ask.ask(target, ["--task", str(task["parentId"])], patience=PATIENCE).tasks
        if not above:
            break
        task = above[0]
        chain.append(task)
    return chain


def chains_of_thread():
    """What the selected thread runs, and nothing where resumptions do not nest."""
    thread = gdb.selected_thread()
    if thread is None:
        return []
    tid = inner_tid(thread)
    return [chain for chain in running_tasks() if chain[0]["thread"] == tid]


def task_of_thread():
    """The task that the selected thread runs."""
    chains = chains_of_thread()
    if not chains:
        raise ask.Refused("this thread runs no task: task ID (info tasks shows them)")
    return chains[-1][0]


def symbol_at(place):
    """The symbol whose code is there; none: it has none. Debug information may have it under another function."""
    text = gdb.execute("info symbol 0x%x" % place, to_string=True)
    found = re.match(r"(.*?)(?: \[clone \.cold\])?(?: \+ \d+)? in section ", text)
    return found.group(1) if found else None


class Awaited(gdb.FrameDecorator.FrameDecorator):
    """A coroutine that lies suspended in memory. It borrows a frame of the stack, and so gets no number."""

    def __init__(self, base, task, frame, words):
        super().__init__(base)
        self.task, self.frame, self.words = task, frame, words

    def function(self):
        return "[task %d %s] %s" % (self.task["id"], self.words, ask.bare_function(self.frame))

    def address(self):
        return None

    def elided(self):
        return None

    def filename(self):
        return ask.clean(self.frame["file"]) if self.frame.get("file") else None

    def line(self):
        return self.frame.get("line") or None

    def frame_args(self):
        try:
            return [Argument(name, value) for name, value in parameters(ask.address(self.frame.get("address")))]
        except (gdb.error, RuntimeError):
            return None

    def frame_locals(self):
        return None


class Argument:
    """A parameter of a suspended coroutine."""

    def __init__(self, name, value):
        self.name, self.known = name, value

    def symbol(self):
        return self.name

    def value(self):
        return self.known


def suspended(chain, base, without_innermost):
    """The frames of a chain as lines of a backtrace, and where it was spawned."""
    for at, task in enumerate(chain):
        for number, frame in ask.frames_of(task):
            if not (at == 0 and number == 0 and without_innermost):
                runs = number == 0 and task["state"] == "RUNNING"
                yield Awaited(base, task, frame, "running" if runs else "suspended")
    last = chain[-1]
    site = last.get("spawnedAt") or last.get("spawnedAfter")
    if site:
        yield Awaited(base, last, site, "spawned")


class Await:
    """A frame filter: under the frame of the coroutine that a thread runs, those that await it."""

    def __init__(self):
        self.name = "tasks"
        self.priority = 10
        self.is_wanted = True
        gdb.frame_filters[self.name] = self

    @property
    def enabled(self):
        """Threads that run no task have gdb's own backtrace, as if there were no filter."""
        return self.is_wanted and bool(self.chains())

    @enabled.setter
    def enabled(self, is_wanted):
        self.is_wanted = is_wanted

    @staticmethod
    def chains():
        """Of the selected thread. Whatever goes wrong, a backtrace is a backtrace."""
        try:
            return chains_of_thread()
        except Exception:  # pylint: disable=broad-except
            return []

    def filter(self, frames):
        """gdb calls it."""
        chains = self.chains()
        return self.with_chains(frames, chains) if chains else frames

    @staticmethod
    def body_of_chain(chain):
        """The symbol of the code that runs in the innermost frame; none: it is not known."""
        frames = chain[0]["frames"]
        body = body_of(ask.address(frames[0].get("address"))) if frames and frames[0].get("address") else 0
        return symbol_at(body) if body else None

    @staticmethod
    def is_body(frame, body):
        """Does this frame of the stack run that code?"""
        if body is None or frame.type() == gdb.INLINE_FRAME:
            return False
        # Behind a call that never returns there may be another function.
        return symbol_at(frame.pc() - (0 if frame.newer() is None else 1)) == body

    def with_chains(self, frames, chains):
        """Frames of the stack, and behind each coroutine's those that await it."""
        try:
            rest = [(chain, self.body_of_chain(chain)) for chain in chains]
        except (gdb.error, RuntimeError):
            rest = []
        last = None
        for last in frames:
            yield last
            for each in list(rest):
                try:
                    found = self.is_body(last.inferior_frame(), each[1])
                except (gdb.error, RuntimeError):
                    found = False
                if found:
                    rest.remove(each)
                    yield from suspended(each[0], last, True)
                    break
        for chain, _ in rest if last is not None else []:
            yield from suspended(chain, last, False)


def begin():
    """Once for each gdb, or again where the script is loaded again."""
    for command in (InfoTasks, Task, TaskApply, TaskFind, TasksLimit, TasksThroughCore):
        command()
    Await()
    atexit.register(remove_core)
    for name, what in (("cont", forget), ("stop", forget), ("exited", forget), ("inferior_call", forget),
                       ("memory_changed", forget), ("new_objfile", forget_code), ("clear_objfiles", forget_code)):
        registry = getattr(gdb.events, name, None)
        if registry is not None:
            registry.connect(what)


begin()
