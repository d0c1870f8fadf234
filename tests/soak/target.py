"""The target, and what it tells of itself by another way: tests/soak/server.cpp."""

import mmap
import os
import pathlib
import re
import select
import struct
import subprocess
import threading
import time

GUARD = 600  # seconds: reached by what hangs alone
COUNTERS = ("rest_beats busy_beats spawned begun ended threw workers loads forks execs plugin_turn").split()  # truth.hpp
SLACK = 8  # threads that may be behind their counters: two workers and two guests, twice


class Kind:
    """Tasks of one function that stay."""

    def __init__(self, count, name, wait, line):
        self.count, self.name, self.wait, self.line = count, name, wait, line


class Target:
    def __init__(self, program, plugin, folder):
        folder = pathlib.Path(folder)
        self.agents = folder / "agents"
        self.agents.mkdir(mode=0o700)
        self.own = threading.Lock()  # held by who stops the target, or looks whether it stands still
        page = folder / "page"
        page.write_bytes(bytes(4096))
        with open(page, "r+b") as file:
            self._page = mmap.mmap(file.fileno(), 4096)
        self._log = open(folder / "target.log", "w+b")
        self._process = subprocess.Popen([program, page, plugin], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                                         stderr=self._log, env=dict(os.environ, TASKS_DIR=str(self.agents)))
        self.pid = self._process.pid
        lines = self._lines_of_source()
        self.kinds, self.bells = {}, 0
        for words in iter(lambda: self._line().split(), ["ready"]):
            if words[0] == "truth":
                self.kinds[words[2]] = Kind(int(words[1]), words[2], words[3], lines[words[2]])
            elif words[0] == "bells":
                self.bells = int(words[1])
        self.staying = sum(kind.count for kind in self.kinds.values())
        self.unwanted = []  # lines that it should not have said

    @staticmethod
    def _lines_of_source():
        text = (pathlib.Path(__file__).parent / "server.cpp").read_text().splitlines()
        found = {}
        for number, line in enumerate(text, 1):
            if mark := re.search(r"// here: (\w+)", line):
                found[mark[1]] = number
        return found

    def _line(self):
        if not select.select([self._process.stdout], [], [], GUARD)[0]:
            raise RuntimeError(f"the target says nothing: {self.threads()}")
        line = self._process.stdout.readline().decode()
        if not line:
            raise RuntimeError(f"the target has ended, {self._process.wait()}: {self.said()}")
        return line.rstrip("\n")

    def _say(self, word):
        self._process.stdin.write(word.encode() + b"\n")

    def counters(self):
        return dict(zip(COUNTERS, struct.unpack_from(f"={len(COUNTERS)}Q", self._page)))

    def is_alive(self):
        return self._process.poll() is None

    def said(self):
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def pause(self):
        """Ends all that comes and goes."""
        self._say("pause")
        while (line := self._line()) != "paused":
            self.unwanted.append(line)

    def go(self):
        self._say("go")

    def stop(self):
        """Its exit code."""
        self._process.stdin.close()
        rest = self._process.stdout.read().decode().splitlines()
        self.unwanted += rest
        return self._process.wait(GUARD)

    def kill(self):
        if self.is_alive():
            self._process.kill()
            self._process.wait()

    # What the kernel says of it.

    def threads(self):
        """{tid: (name, state, tracer)}"""
        found = {}
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            try:
                text = (task / "status").read_text(errors="replace")
            except OSError:
                continue  # it has ended
            field = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
            found[int(task.name)] = (field["Name"], field["State"][0], int(field["TracerPid"]))
        return found

    def descriptors(self):
        """What it has open, without numbers."""
        found = []
        for entry in os.scandir(f"/proc/{self.pid}/fd"):
            try:
                found.append(re.sub(r"\d+", "N", os.readlink(entry.path)))
            except OSError:
                pass
        return sorted(found)

    def rss(self):
        """In KiB: private memory alone, since what readers map does not count."""
        text = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return sum(int(n) for n in re.findall(r"^Private_\w+: +(\d+) kB", text, re.M))

    def goes_on(self, give_up):
        """Waits until both contexts have done something; false: `give_up` said so first."""
        begin = self.counters()
        while True:
            now = self.counters()
            if now["rest_beats"] > begin["rest_beats"] and now["busy_beats"] > begin["busy_beats"]:
                return True
            if not self.is_alive() or give_up():
                return False
            time.sleep(0.01)

    def at_rest(self):
        """What must not grow, with no reader there: pauses it, and goes on."""
        self.pause()
        measured = {"threads": sorted(name for name, _, _ in self.threads().values()),
                    "descriptors": self.descriptors(), "KiB": self.rss()}
        self.go()
        return measured
