"""What became of every request, and the table at the end."""

import collections
import pathlib
import threading

KEPT = 20  # wrong answers that are kept whole


class Tally:
    def __init__(self, folder):
        self._folder = pathlib.Path(folder)
        self._lock = threading.Lock()
        self._rows = collections.defaultdict(collections.Counter)
        self._reasons = collections.Counter()
        self._facts = []
        self._first_wrong = []
        self.wrongs = 0

    def count(self, kind, outcome):
        """outcome: right, undecided, refused, killed or done (of what is hostile)."""
        with self._lock:
            self._rows[kind][outcome] += 1

    def refused(self, kind, reason):
        self.count(kind, "refused")
        with self._lock:
            self._reasons[(kind, reason)] += 1

    def wrong(self, kind, complaints, whole):
        """Complaints, a line each, and the whole answer, of which the first few are kept in files."""
        with self._lock:
            self._rows[kind]["WRONG"] += 1
            self.wrongs += 1
            number = self.wrongs
            if number > KEPT:
                return
            self._first_wrong.append(f"{number:3} {kind}: {complaints[0][:300]}")
        path = self._folder / f"wrong-{number:02}-{kind.split()[0].lstrip('/').replace('/', '-')}.txt"
        path.write_text("\n".join(complaints) + "\n\n" + whole, errors="replace")
        print(f"WRONG {kind}: {complaints[0][:300]} ({path})", flush=True)

    def fact(self, name, value, is_wrong=False):
        """A line below the table."""
        with self._lock:
            self._facts.append(("WRONG " if is_wrong else "") + f"{name}: {value}")
            self.wrongs += is_wrong

    def rows(self):
        with self._lock:
            return {kind: dict(row) for kind, row in self._rows.items()}

    def table(self):
        columns = ["right", "undecided", "refused", "killed", "done", "WRONG"]
        lines = [f"{'':34}" + "".join(f"{name:>10}" for name in columns)]
        total = collections.Counter()
        for kind, row in sorted(self._rows.items()):
            total.update(row)
            lines.append(f"{kind:34}" + "".join(f"{row.get(name, 0) or '·':>10}" for name in columns))
        lines.append(f"{'all':34}" + "".join(f"{total[name]:>10}" for name in columns))
        if self._reasons:
            lines += ["", "refused, with a reason that is documented:"]
            lines += [f"{count:6} × {kind}: {reason}" for (kind, reason), count in sorted(self._reasons.items())]
        lines += [""] + self._facts
        if self._first_wrong:
            lines += ["", f"wrong, the first ones whole in {self._folder}:"] + self._first_wrong
        return "\n".join(lines)
