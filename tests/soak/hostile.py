"""Those who misbehave: towards the agent's socket, the server over HTTP, the target and those who look at it."""

import os
import pathlib
import random
import resource
import signal
import socket
import threading
import time

from target import GUARD

# As of proto/tasks/v1/agent.proto: {protocol: 1, stacks: {}}, vitals and timing for a second, each with its length in front.
STACKS, VITALS, TIMING = b"\x04\x08\x01\x1a\x00", b"\x04\x08\x01\x12\x00", b"\x07\x08\x01\x22\x03\x08\xe8\x07"
FLOOD = 1000


class Hostile:
    def __init__(self, target, readers, tally, seed, server=None):
        self.target, self.readers, self.tally, self.server = target, readers, tally, server
        self._chance = random.Random(seed)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * FLOOD) if hard > 0 else soft, hard))

    def begin(self, is_over):
        """Has each do its worst again and again, on a thread of its own."""
        self.is_over = is_over
        deeds = [self.on_the_socket, self.kills_readers, self.stops_the_target]
        if self.server:
            deeds.append(self.over_http)
        threads = [threading.Thread(target=deed) for deed in deeds]
        for each in threads:
            each.start()
        return threads

    def rest(self, most):
        """As the clock is only looked at now and then."""
        until = time.monotonic() + self._chance.uniform(0, most)
        while time.monotonic() < until and not self.is_over():
            time.sleep(0.02)

    # The agent's socket.

    def connect(self):
        to = socket.socket(socket.AF_UNIX)
        to.settimeout(GUARD)
        to.connect(str(self.target.agents / str(self.target.pid)))
        return to

    def on_the_socket(self):
        deeds = {"agent: half messages": self.sends_halves, "agent: never reads": self.never_reads,
                 "agent: garbage": self.sends_garbage, "agent: flood": self.floods,
                 "agent: asks and hangs up": self.hangs_up}
        while not self.is_over():
            for name, deed in deeds.items():
                try:
                    deed()
                except OSError:
                    pass  # it has hung up, as it may
                self.tally.count(name, "done")
                self.rest(0.5)

    def sends_halves(self):
        held = [self.connect() for _ in range(5)]
        for i, each in enumerate(held):
            each.sendall(STACKS[:i])
        self.rest(1)
        for each in held:
            each.close()

    def never_reads(self):
        held = [self.connect() for _ in range(3)]
        for each in held:
            each.setblocking(False)
            try:
                for _ in range(1000):
                    each.sendall(STACKS)
            except OSError:
                pass  # its buffer is full
        self.rest(3)
        for each in held:
            each.close()

    def sends_garbage(self):
        for _ in range(10):
            with self.connect() as to:
                to.sendall(self._chance.randbytes(self._chance.randrange(1, 2000)))
                to.shutdown(socket.SHUT_WR)
                while to.recv(65536):
                    pass

    def floods(self):
        held = []
        try:
            for _ in range(FLOOD):
                to = socket.socket(socket.AF_UNIX)
                to.setblocking(False)
                held.append(to)
                try:
                    to.connect(str(self.target.agents / str(self.target.pid)))
                except BlockingIOError:
                    pass  # its queue is full
            self.rest(0.5)
        finally:
            for each in held:
                each.close()

    def hangs_up(self):
        for _ in range(20):
            with self.connect() as to:
                to.sendall(self._chance.choice([STACKS, VITALS, TIMING]) * 3)
                to.recv(self._chance.randrange(1, 4096))

    # Readers and the target.

    def kills_readers(self):
        """kill -9 at any moment; no thread of the target stays stopped, and it goes on."""
        while not self.is_over():
            self.rest(5)
            running = self.readers.running()
            if not running:
                continue
            victim = self._chance.choice(running)
            with self.target.own:
                victim.is_victim = True
                try:
                    os.kill(victim.process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
                self.tally.count("kill -9 of a reader", "done")
                self.expect_it_to_go_on("a reader was killed", victim.process.pid)

    def stops_the_target(self):
        while not self.is_over():
            self.rest(4)
            with self.target.own:
                os.kill(self.target.pid, signal.SIGSTOP)
                self.rest(1)
                os.kill(self.target.pid, signal.SIGCONT)
                self.tally.count("SIGSTOP, SIGCONT", "done")
                self.expect_it_to_go_on("SIGCONT")

    def expect_it_to_go_on(self, since, killed=None):
        """Of what waits until it is so only the guard says that it is not."""
        until = time.monotonic() + GUARD
        went_on = self.target.goes_on(lambda: time.monotonic() > until)
        left = {}
        while went_on and (left := self.left_stopped(killed)) and time.monotonic() < until:
            time.sleep(0.01)
        if not went_on or left:
            self.tally.wrong("the target goes on", [f"since {since} it stands still: {left or self.target.threads()}"], "")

    def left_stopped(self, killed):
        """Threads that are stopped, and that nobody who lives has stopped."""
        return {tid: seen for tid, seen in self.target.threads().items()
                if seen[1] in "tT" and (seen[2] == 0 or seen[2] == killed or not pathlib.Path(f"/proc/{seen[2]}").exists())}

    # HTTP.

    def over_http(self):
        deeds = {"http: garbage": self.http_garbage, "http: slow": self.http_slow,
                 "http: never reads": self.http_never_reads, "http: crowd": self.http_crowd}
        while not self.is_over():
            for name, deed in deeds.items():
                try:
                    deed()
                except OSError:
                    pass
                self.tally.count(name, "done")
                self.rest(0.5)

    def to_server(self):
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=GUARD)

    def asking(self, path):
        return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\n\r\n".encode()

    def http_garbage(self):
        for _ in range(5):
            with self.to_server() as to:
                to.sendall(self._chance.randbytes(self._chance.randrange(1, 20000)))
                to.shutdown(socket.SHUT_WR)
                while to.recv(65536):
                    pass

    def http_slow(self):
        with self.to_server() as to:
            for byte in self.asking("/metrics")[:40]:
                to.sendall(bytes([byte]))
                self.rest(0.1)

    def http_never_reads(self):
        held = [self.to_server() for _ in range(5)]
        for each in held:
            each.sendall(self.asking(f"/api/v1/processes/{self.target.pid}/stack") * 3)
        self.rest(3)
        for each in held:
            each.close()

    def http_crowd(self):
        held = [self.to_server() for _ in range(100)]
        for i, each in enumerate(held):
            each.sendall(self.asking("/metrics" if i % 2 else f"/api/v1/processes/{self.target.pid}/events")[:-2 * (i % 3)])
        self.rest(1)
        for each in held:
            each.close()
