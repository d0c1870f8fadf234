"""`tasks serve`, and clients that ask it as they should."""

import http.client
import json
import os
import pathlib
import random
import re
import select
import signal
import subprocess

from readers import reason_in
from target import GUARD


class Server:
    def __init__(self, tasks, target, readers, tally, folder):
        self.target, self.readers, self.tally = target, readers, tally
        self._log = open(pathlib.Path(folder) / "serve.log", "w+b")
        self._process = subprocess.Popen([tasks, "serve", "--listen", "127.0.0.1:0", "--max-age", "0.1"],
                                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=readers.environment)
        if not select.select([self._process.stderr], [], [], GUARD)[0]:
            raise RuntimeError("tasks serve says nothing")
        said = self._process.stderr.readline().decode()
        self.port = int(re.search(r"serving http://127\.0\.0\.1:(\d+)", said)[1])

    @property
    def pid(self):
        return self._process.pid

    def children(self):
        """(pid, state) of those it has started."""
        found = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == self.pid:
                found.append((int(stat.parent.name), fields[0]))
        return found

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def stop(self):
        """Its exit code, and what it said."""
        self._process.send_signal(signal.SIGTERM)
        said = self._process.stderr.read().decode()
        return self._process.wait(GUARD), said

    def kill(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=GUARD)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def ask(self, path, check, is_decided=lambda doc: True):
        """check: of the text, counters before and counters after. An answer may be a moment old."""
        kind = re.sub(r"/\d+/", "/PID/", path.split("?")[0])
        before = self.target.counters()
        try:
            status, body = self.get(path)
        except (OSError, http.client.HTTPException) as error:
            status, body = 0, repr(error).encode()
        after = self.target.counters()
        whole = f"GET {path}\nstatus {status}\nbefore {before}\nafter {after}\n\n{body.decode(errors='replace')}"
        reason = reason_in(body.decode(errors="replace")) if status in (403, 502) else "too many ask" if status == 503 else None
        if reason:
            return self.tally.refused(kind, reason)
        if status != 200:
            return self.tally.wrong(kind, [f"status {status}: {body[:200]}"], whole)
        try:
            complaints = list(check(body, before, after))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            complaints = [f"no answer of its kind: {error!r}"]
        if complaints:
            return self.tally.wrong(kind, complaints, whole)
        return self.tally.count(kind, "right")

    def looks(self):
        """{name: what looks once}"""
        pid, checks = self.target.pid, self.readers.checks

        def view(path, check):
            return lambda: self.ask(path, lambda body, *when: check(json.loads(body), *when))

        of_process = f"/api/v1/processes/{pid}"
        looks = [view("/api/v1/processes", checks.list),
                 view(f"{of_process}/tree?all=1", checks.tree),
                 view(f"{of_process}/channels", checks.channels),
                 view(f"{of_process}/requests", checks.requests),
                 view(f"{of_process}/operations", checks.operations),
                 view(f"{of_process}/memory?limit=1000", checks.memory),
                 view(f"{of_process}/leaks?top=1000", lambda doc, *_: checks.leaks(doc, None)),
                 lambda: self.ask("/metrics", self.metrics),
                 lambda: self.ask(f"/debug/pprof/tasks?pid={pid}", self.profile),
                 lambda: self.ask(f"/debug/pprof/tasks?debug=1&pid={pid}", self.goroutines)]
        # Of what lasts a moment an answer that is a moment old says something else: what stays is looked at alone.
        early = {name: 0 for name in self.target.counters()}
        for name, check in (("vitals", checks.vitals), ("stack", checks.hooked_stack)):
            looks.append(view(f"{of_process}/{name}", lambda doc, _, after, check=check: check(doc, early, after)))
        return {f"http {i}": look for i, look in enumerate(looks)}

    def metrics(self, body, before, after):
        text = body.decode()
        mine = [line for line in text.splitlines() if f'pid="{self.target.pid}"' in line]
        if not mine:
            yield "the target is not there"
        for line in text.splitlines():
            if line and not line.startswith("#") and not re.fullmatch(r"[a-zA-Z_:][\w:]*(\{.*\})? \S+", line):
                yield f"no metric: {line[:200]}"

    def profile(self, body, before, after):
        if body[:2] != b"\x1f\x8b":
            yield "it is not compressed"

    def goroutines(self, body, before, after):
        for kind in self.target.kinds.values():
            if f"soak::{kind.name}(" not in body.decode():
                yield f"there is no {kind.name}"
