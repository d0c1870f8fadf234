"""Those who look at the target, each again and again: a command, and what must be so in what it prints."""

import contextlib
import json
import os
import pathlib
import pty
import random
import re
import select
import signal
import subprocess
import tempfile
import threading
import time

from answers import Checks
from target import GUARD

# Why something may be refused.
REASONS = [
    (r"traces it already", "another tracer holds it"),
    (r"its memory could not be copied within", "a copy of its memory took too long"),
    (r"its agent serves too many readers already", "its agent serves too many readers"),
    (r"timed out: the agent sent nothing", "its agent is silent, and only an agent can time runs"),
    (r"only an agent can time runs", "its agent does not answer, and only an agent can time runs"),
]
SANITIZERS = re.compile(r"Sanitizer|runtime error:|^==\d+==", re.M)


def reason_in(text):
    """Why it was refused, if that is documented."""
    return next((label for pattern, label in REASONS if re.search(pattern, text)), None)


class Run:
    """One process that looks, and how it ended."""

    def __init__(self, argv, process):
        self.argv, self.process = argv, process
        self.is_victim = False  # we killed it
        self.out = self.err = ""

    @property
    def code(self):
        return self.process.returncode

    def whole(self, before, after):
        return (f"$ {' '.join(map(str, self.argv))}\nexit code {self.code}\nbefore {before}\nafter {after}\n"
                f"-- standard error\n{self.err}\n-- standard output\n{self.out}")


class Readers:
    def __init__(self, tasks, target, tally, folder, at_once, seed):
        self.tasks, self.target, self.tally = tasks, target, tally
        self.folder = pathlib.Path(folder)
        self.checks = Checks(target)
        self.at_once = at_once
        self._chance = random.Random(seed)
        self.environment = dict(os.environ, XDG_CACHE_HOME=str(self.folder / "cache"), TMPDIR=str(self.folder / "tmp"),
                                NO_COLOR="1",
                                TERM="xterm")
        for name in ("cache", "tmp"):
            (self.folder / name).mkdir(mode=0o700)
        self._lock = threading.Lock()
        self._running = set()

    # Running.

    def running(self):
        with self._lock:
            return list(self._running)

    @contextlib.contextmanager
    def started(self, argv, **how):
        """A process, which who is hostile may kill."""
        run = Run(argv, subprocess.Popen(argv, env=self.environment, **how))
        with self._lock:
            self._running.add(run)
        try:
            yield run
        finally:
            with self._lock:
                self._running.discard(run)
            if run.process.poll() is None:
                run.process.kill()
                run.process.wait()

    def run(self, *words):
        argv = [self.tasks, *map(str, words)]
        with self.started(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
            try:
                out, err = run.process.communicate(timeout=GUARD)
            except subprocess.TimeoutExpired:
                run.process.kill()
                out, err = run.process.communicate()
                err += b"\nsoak: it did not end"
            run.out, run.err = out.decode(errors="replace"), err.decode(errors="replace")
        return run

    # Judging.

    def judge(self, kind, run, before, after, check, codes=(0,), is_decided=lambda doc: True):
        """Counts what became of an answer, which is one JSON document. `check`: of document and exit code."""
        def wrong(*complaints):
            self.tally.wrong(kind, complaints, run.whole(before, after))

        if run.is_victim and run.code == -signal.SIGKILL:
            return self.tally.count(kind, "killed")
        if SANITIZERS.search(run.err):
            return wrong("a sanitizer has spoken")
        if run.code not in codes:
            reason = reason_in(run.err)
            if run.code == 1 and reason:
                return self.tally.refused(kind, reason)
            return wrong(f"exit code {run.code}: {run.err.strip()[-300:]}")
        try:
            doc = json.loads(run.out)
            complaints = list(check(doc, run.code))
            decided = is_decided(doc)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            return wrong(f"no document of its kind: {error!r}")
        if complaints:
            return wrong(*complaints)
        return self.tally.count(kind, "right" if decided else "undecided")

    def ask(self, kind, words, check, **how):
        """Runs `tasks WORDS --json`; `check`: of document, counters before and counters after."""
        before = self.target.counters()
        run = self.run(*words, "--json")
        after = self.target.counters()
        self.judge(kind, run, before, after, lambda doc, code: check(doc, before, after), **how)
        return run

    # Who looks.

    def leaks(self, kind, *options):
        before = self.target.counters()
        run = self.run("leaks", self.target.pid, "--top", 1000, "--json", *options)
        after = self.target.counters()
        leaked = self.checks.kinds["left_behind"].count
        self.judge(kind, run, before, after, self.checks.leaks, codes=(3, 4, 0),
                   is_decided=lambda doc: self.checks.names_all_leaks(doc, leaked))

    def why(self, name):
        """Of one of the tasks of that function."""
        found = self.run("stack", self.target.pid, "--function", f"soak::{name}\\(", "--limit", 1, "--json")
        if found.code != 0:
            return
        tasks = json.loads(found.out)["tasks"]
        known = {"left_behind": ("NEVER_WAKES", "LIKELY"), "parked": ("HELD",), "reads": ("VERDICT_UNSPECIFIED",)}
        if tasks:
            self.ask(f"why {name}", ["why", self.target.pid, tasks[0]["id"]], self.checks.why,
                     is_decided=lambda doc: doc["verdict"] in known[name])

    def record(self):
        """A recording, and views of its last snapshot."""
        checks = self.checks
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            file = f"{folder}/of.tasks"
            before = self.target.counters()
            run = self.run("record", self.target.pid, "-o", file, "--every", 0.2, "--for", 1, "--with",
                           "threads,leaks,operations,memory")
            after = self.target.counters()
            self.judge_text("record", run, before, after)
            if run.code != 0:
                return
            for view, check in (("vitals", checks.vitals), ("stack", checks.hooked_stack), ("tree", checks.tree),
                                ("channels", checks.channels), ("threads", checks.threads),
                                ("operations", checks.operations), ("memory", checks.memory),
                                ("requests", checks.requests)):
                words = [view, "--from", file] + self.more(view)
                self.judge(f"--from {view}", run := self.run(*words, "--json"), before, after,
                           lambda doc, code, check=check: check(doc, before, after))
            self.judge("--from leaks", run := self.run("leaks", "--from", file, "--top", 1000, "--json"), before, after,
                       checks.leaks, codes=(3, 4, 0))

    def text(self, kind, *words, codes=(0,)):
        before = self.target.counters()
        run = self.run(*words)
        self.judge_text(kind, run, before, self.target.counters(), codes)

    def top(self):
        """On a terminal, until it shows what stays; then q."""
        ours, its = pty.openpty()
        shown, before = b"", self.target.counters()
        with self.started([self.tasks, "top", str(self.target.pid), "--interval", "0.05"], stdin=its, stdout=its,
                          stderr=subprocess.PIPE, start_new_session=True) as run:
            os.close(its)
            until = time.monotonic() + GUARD
            asked_to_end = False
            while time.monotonic() < until:
                if not select.select([ours], [], [], 1)[0]:
                    continue
                try:
                    more = os.read(ours, 65536)
                except OSError:
                    break  # it has ended
                shown += more
                if not asked_to_end and b"soak::parked" in shown:
                    os.write(ours, b"q")
                    asked_to_end = True
            run.err = run.process.stderr.read().decode(errors="replace")
            run.process.wait(GUARD)
            run.out = shown.decode(errors="replace")
        os.close(ours)
        self.judge_text("top", run, before, self.target.counters())

    @staticmethod
    def more(view):
        return {"tree": ["--all"], "memory": ["--limit", "1000"], "operations": []}.get(view, [])

    def judge_text(self, kind, run, before, after, codes=(0,)):
        """Of what prints no document."""
        if run.is_victim and run.code == -signal.SIGKILL:
            self.tally.count(kind, "killed")
        elif run.code not in codes or SANITIZERS.search(run.err):
            self.tally.wrong(kind, [f"exit code {run.code}: {run.err.strip()[-300:]}"], run.whole(before, after))
        else:
            self.tally.count(kind, "right")

    def all(self):
        """{name: what looks once}"""
        pid, checks = self.target.pid, self.checks

        def view(kind, *words, check, **how):
            return lambda: self.ask(kind, words, check, **how)

        stack = checks.hooked_stack
        looks = {
            "list": view("list", "list", check=checks.list),
            "vitals": view("vitals", "vitals", pid, check=checks.vitals),
            "vitals --direct": view("vitals --direct", "vitals", pid, "--direct", "--details", check=checks.vitals),
            "stack": view("stack", "stack", pid, check=stack),
            "stack --direct": view("stack --direct", "stack", pid, "--direct", check=stack),
            "stack --locals": view("stack --locals", "stack", pid, "--locals", "--addresses", check=stack),
            "stack --sort busy": view("stack --sort busy", "stack", pid, "--sort", "busy", "--interval", 0.2, check=stack),
            "stack --group": view("stack --group", "stack", pid, "--group", "--ids", check=checks.groups),
            "stack --no-hook": view("stack --no-hook", "stack", pid, "--no-hook", check=checks.stack),
            "stack --no-hook --no-stop": view("stack --no-hook --no-stop", "stack", pid, "--no-hook", "--no-stop",
                                              check=checks.stack),
            "tree": view("tree", "tree", pid, "--all", check=checks.tree),
            "channels": view("channels", "channels", pid, check=checks.channels, is_decided=checks.says_who_holds),
            "operations": view("operations", "operations", pid, check=checks.operations),
            "threads": view("threads", "threads", pid, check=checks.threads),
            "threads --no-stop": view("threads --no-stop", "threads", pid, "--no-stop", check=checks.threads),
            "memory": view("memory", "memory", pid, "--limit", 1000, check=checks.memory,
                           is_decided=lambda doc: doc["leakedTasks"] != 0),
            "requests": view("requests", "requests", pid, check=checks.requests),
            "report": view("report", "report", pid, check=checks.report),
            "leaks": lambda: self.leaks("leaks"),
            "leaks --no-stop": lambda: self.leaks("leaks --no-stop", "--no-stop"),
            "leaks --interval": lambda: self.leaks("leaks --interval", "--interval", 0.3),
            "leaks --no-hook": lambda: self.leaks("leaks --no-hook", "--no-hook"),
            "record": self.record,
            "top": self.top,
            "profile": lambda: self.text("profile", "profile", pid, "--for", 0.5, "--format", "folded"),
            "profile --wall": lambda: self.text("profile --wall", "profile", pid, "--wall", "--for", 0.5, "--format",
                                                "folded"),
            "slow": view("slow", "slow", pid, "--for", 0.5, check=lambda doc, *_: doc["runs"] and ()),
            "diff": view("diff", "diff", "-p", pid, "--interval", 0.2, check=checks.diff),
            "check": lambda: self.text("check", "check", pid, "--max-tasks", 100000, codes=(0, 1)),
        }
        for kind in checks.kinds.values():
            word = kind.wait.lower().replace("_", "-")
            name = f"stack --kind {word}"
            looks[name] = view(name, "stack", pid, "--kind", word, check=checks.of_kind(kind.name))
        for name in ("left_behind", "parked", "reads"):
            looks[f"why {name}"] = lambda name=name: self.why(name)
        return looks

    def begin(self, is_over, more):
        """As many at once as there are places, each what is next: all of them, in an order of chance, and anew.
        more: looks of others, by name."""
        looks, order = self.all() | more, []

        def next_one():
            with self._lock:
                if not order:
                    order.extend(looks.values())
                    self._chance.shuffle(order)
                return order.pop()

        def go_on():
            while not is_over():
                next_one()()

        threads = [threading.Thread(target=go_on) for _ in range(self.at_once)]
        for each in threads:
            each.start()
        return threads
