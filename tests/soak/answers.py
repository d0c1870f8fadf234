"""What must be so in each view of the target. A check gets the document and returns complaints, a line each."""

import collections
import re

from target import SLACK

SERVER = "server.cpp"


def function_of(frame):
    """("soak", "parked") of soak::parked(std::weak_ptr<soak::hall>)."""
    found = re.match(r"(?:\w+ )?(soak|churn|plugin)::(?:\(anonymous namespace\)::)?(\w+)\(", frame["function"])
    return (found[1], found[2]) if found else ("", frame["function"])


def whose(stack):
    """By its outermost function."""
    return function_of(stack["frames"][-1]) if stack["frames"] else ("", "")


class Checks:
    def __init__(self, target):
        self.target = target
        self.kinds = target.kinds

    # Pieces.

    def counts(self, found, what, left_out=()):
        """Of a Counter of ("soak", kind): each is there as often as the target says."""
        for kind in self.kinds.values():
            if kind.name not in left_out and found[("soak", kind.name)] != kind.count:
                yield f"{what}: {found[('soak', kind.name)]} of {kind.count} {kind.name}"

    def come_and_gone(self, shown, complete, before, after, what):
        """Of tasks that come and go there are no fewer than lived all the while, and no more than lived at any time."""
        most = after["begun"] - before["ended"] + SLACK
        least = before["spawned"] - after["ended"]
        if shown > most:
            yield f"{what}: {shown} tasks that come and go, of {most} at the most"
        if complete and shown < least:
            yield f"{what}: {shown} tasks that come and go, of {least} at least"

    def plugin(self, shown, before, after, what, of_plugin=7):
        if before["plugin_turn"] == after["plugin_turn"] and before["plugin_turn"] % 2 and shown != of_plugin:
            yield f"{what}: {shown} of {of_plugin} tasks of the plugin"

    def waits_rightly(self, stack, where):
        """A task or a group of those that stay."""
        space, name = whose(stack)
        if space != "soak" or name == "beats":
            return
        kind = self.kinds.get(name)
        if kind is None:
            yield f"{where}: there is no {name}"
            return
        if stack["state"] != "BLOCKED":
            yield f"{where}: {name} is {stack['state']}"
            return
        if stack["wait"]["kind"] != kind.wait:
            yield f"{where}: {name} waits for {stack['wait']['kind']}"
        innermost = stack["frames"][0]
        if (innermost["file"].rsplit("/", 1)[-1], innermost["line"]) != (SERVER, kind.line):
            yield f"{where}: {name} waits at {innermost['file']}:{innermost['line']}, not at line {kind.line}"
        if name == "parked" and [function_of(f)[1] for f in stack["frames"]] != ["enters", "parked"]:
            yield f"{where}: {name} has the frames {[f['function'] for f in stack['frames']]}"

    # Views.

    def stack(self, doc, before, after):
        found = collections.Counter(whose(task) for task in doc["tasks"])
        yield from self.counts(found, "tasks")
        for task in doc["tasks"]:
            yield from self.waits_rightly(task, f"task {task['id']}")
        ids = [task["id"] for task in doc["tasks"]]
        if len(set(ids)) != len(ids):
            yield f"{len(ids) - len(set(ids))} tasks are there twice"
        churn = sum(n for (space, name), n in found.items() if space == "churn" and name not in ("listens", "spawns"))
        yield from self.come_and_gone(churn, doc["complete"], before, after, "tasks")
        if doc["complete"]:
            yield from self.plugin(found[("plugin", "waits")], before, after, "tasks")
        if doc["shown"] != len(ids):
            yield f"{doc['shown']} are said to be shown, and {len(ids)} are"

    def hooked_stack(self, doc, before, after):
        yield from self.stack(doc, before, after)
        names = sorted(task["name"] for task in doc["tasks"] if whose(task) == ("soak", "named"))
        if names != [f"r{i}" for i in range(self.kinds["named"].count)]:
            yield f"names are {names}"
        for task in doc["tasks"]:
            if whose(task) == ("soak", "named") and task["labels"].get("request") != task["name"]:
                yield f"{task['name']} has the labels {task['labels']}"

    def groups(self, doc, before, after):
        found = collections.Counter()
        for group in doc["groups"]:
            found[whose(group)] += group["count"]
            yield from self.waits_rightly(group, "a group")
        yield from self.counts(found, "groups")
        churn = sum(n for (space, name), n in found.items() if space == "churn" and name not in ("listens", "spawns"))
        yield from self.come_and_gone(churn, doc["complete"], before, after, "groups")

    def of_kind(self, name):
        """stack --kind K: of what waits so all of that function."""
        def check(doc, before, after):
            found = collections.Counter(whose(task) for task in doc["tasks"])
            if found[("soak", name)] != self.kinds[name].count:
                yield f"{found[('soak', name)]} of {self.kinds[name].count} {name}"
            for task in doc["tasks"]:
                if task["wait"] and task["wait"]["kind"] != self.kinds[name].wait:
                    yield f"task {task['id']} waits for {task['wait']['kind']}"
        return check

    def vitals(self, doc, before, after):
        staying = self.target.staying
        if doc["tasks"] != doc["running"] + doc["blocked"] + doc["ready"]:
            yield f"{doc['tasks']} tasks are not {doc['running']} + {doc['blocked']} + {doc['ready']}"
        if doc["blocked"] < staying:
            yield f"{doc['blocked']} are blocked, and {staying} stay so"
        found = collections.Counter()
        for group in doc["blockedChannels"]:
            found[whose(group)] += group["count"]
        on_channels = [kind for kind in self.kinds.values() if kind.wait.startswith("CHANNEL")]
        for kind in on_channels:
            if found[("soak", kind.name)] != kind.count:
                yield f"{found[('soak', kind.name)]} of {kind.count} {kind.name} are blocked on channels"
        if doc["blockedOnChannels"] < sum(kind.count for kind in on_channels):
            yield f"{doc['blockedOnChannels']} are blocked on channels"
        if doc["failedTasks"] > after["threw"] or doc["failedTasks"] < before["threw"] - SLACK:
            yield f"{doc['failedTasks']} have failed, and {before['threw']} to {after['threw']} have"
        if doc["lostTasks"]:
            yield f"{doc['lostTasks']} tasks are lost"
        yield from self.blames_nobody_who_stays(doc)

    def blames_nobody_who_stays(self, doc):
        for finding in doc["findings"]:
            if "soak::" in finding:
                yield f"a finding of what stays: {finding}"

    def tree(self, doc, before, after):
        found, pending, shown = collections.Counter(), list(doc["roots"]), 0
        while pending:
            node = pending.pop()
            found[whose(node["task"])] += 1
            shown += 1
            pending += node["children"]
            if whose(node["task"]) == ("soak", "parent"):
                below = collections.Counter(whose(each["task"]) for each in node["children"])
                if below != {("soak", "child"): 2}:
                    yield f"task {node['task']['id']}, a parent, has below it {dict(below)}"
        yield from self.counts(found, "the tree")
        if doc["shown"] != shown:
            yield f"{doc['shown']} are said to be shown, and {shown} are"

    def leaks(self, doc, code):
        """code: its exit code, None where it has none of its own."""
        leaked, named = self.kinds["left_behind"], 0
        for leak in doc["leaks"]:
            name = whose(leak)
            if name == ("soak", "left_behind") and leak["verdict"] in ("PROVEN", "LIKELY"):
                named += leak["count"]
            elif leak["verdict"] in ("PROVEN", "LIKELY"):
                yield f"{leak['count']} {name} are said to leak, {leak['verdict']}: {leak['evidence']}"
            elif name[0] == "soak" and leak["verdict"] != "OLD":
                yield f"{leak['count']} {name} are {leak['verdict']}: {leak['evidence']}"
        if named > leaked.count:
            yield f"{named} leak, of {leaked.count}"
        if code == 0:
            yield "no leaks, by the exit code"
        if any(note.startswith("nothing is proven") for note in doc["notes"]):
            return
        if doc["proven"] + doc["likely"] + doc["undecided"] + doc["unchecked"] < leaked.count:
            yield (f"{doc['proven']} are proven, {doc['likely']} likely, {doc['undecided']} undecided, "
                   f"{doc['unchecked']} unchecked, and {leaked.count} leak")
        if doc["checked"] != doc["proven"] + doc["held"] + doc["unchecked"] + doc["likely"]:
            yield "what was checked is not the sum of its parts"

    @staticmethod
    def names_all_leaks(doc, count):
        return sum(leak["count"] for leak in doc["leaks"] if leak["verdict"] in ("PROVEN", "LIKELY")) >= count

    def why(self, doc, before, after):
        space, name = whose(doc["task"])
        if doc["verdict"] in ("NEVER_WAKES", "LIKELY") and name != "left_behind":
            yield f"{name} never wakes: {doc['verdict']}, {doc['evidence']}"
        yield from self.waits_rightly(doc["task"], "the task")

    def channels(self, doc, before, after):
        found = collections.Counter()
        for channel in doc["channels"]:
            names = collections.Counter()
            for group in channel["waiters"]:
                names[whose(group)] += group["count"]
                yield from self.waits_rightly(group, f"channel {channel['address']}")
            found.update(names)
            if channel["references"] == "NOTHING_ALIVE" and set(names) != {("soak", "left_behind")}:
                yield f"nothing alive is said to lead to channel {channel['address']} of {dict(names)}"
            if ("soak", "parked") in names:
                expected = self.kinds["parked"].count + self.kinds["child"].count
                if channel["receivers"] != expected or channel["senders"]:
                    yield f"the hall has {channel['receivers']} receivers, {channel['senders']} senders"
        yield from self.counts(found, "channels", [k.name for k in self.kinds.values() if not k.wait.startswith("CHAN")])

    @staticmethod
    def says_who_holds(doc):
        return all(each["references"] != "REFERENCES_UNSPECIFIED" for each in doc["channels"])

    def operations(self, doc, before, after):
        bells = [each for each in doc["operations"] if each["handler"].startswith("soak::rings")]
        if len(bells) != self.target.bells:
            yield f"{len(bells)} of {self.target.bells} bells"
        for bell in bells:
            if bell["wait"]["kind"] != "TIMER" or bell["queued"] or bell["ofTask"]:
                yield f"a bell is {bell}"
        contexts = [each for each in doc["contexts"] if each["type"] == "io_context"]
        if len(contexts) < 2:
            yield f"{len(contexts)} contexts of 2"

    def threads(self, doc, before, after):
        names = collections.Counter(thread["name"] for thread in doc["threads"])
        # Those that come and go have the name of who starts them at first.
        for name, count in {"rest": 2, "busy": 2, "hires": 1, "reloads": 1, "forks": 1, "tasks-agent": 1}.items():
            if names[name] < count:
                yield f"{names[name]} of {count} threads are called {name}"
        tids = [thread["tid"] for thread in doc["threads"]]
        if len(set(tids)) != len(tids):
            yield "a thread is there twice"

    def memory(self, doc, before, after):
        found = {function_of(each): each["memory"]["frames"] for each in doc["functions"]}
        for kind in self.kinds.values():
            if found.get(("soak", kind.name)) != kind.count:
                yield f"{found.get(('soak', kind.name))} frames of {kind.count} {kind.name}"
        if doc["leakedTasks"] > self.kinds["left_behind"].count:
            yield f"{doc['leakedTasks']} tasks leak"

    def requests(self, doc, before, after):
        values = {each["value"]: each["tasks"] for each in doc["requests"]}
        if values != {f"r{i}": 1 for i in range(self.kinds["named"].count)}:
            yield f"requests are {values}"

    def report(self, doc, before, after):
        unproven = ["nothing is proven"] if "nothing is proven" in doc["shows"] else []
        parts = {"vitals": self.vitals, "channels": self.channels, "threads": self.threads, "tree": self.tree,
                 "groups": self.groups, "stacks": self.hooked_stack,
                 "leaks": lambda view, *_: self.leaks(dict(view, notes=view["notes"] + unproven), None)}
        for name, check in parts.items():
            if doc[name] is None:
                yield f"there are no {name}: {doc['errors']}"
                continue
            for complaint in check(doc[name], before, after):
                yield f"{name}: {complaint}"

    def diff(self, doc, before, after):
        if not doc["sameProcess"]:
            yield "it is not the same process"
        for changed in doc["groups"]:
            space, name = whose(changed["group"])
            if space == "soak" and name != "beats":
                yield f"{name} has changed: {changed['before']}, {changed['after']}"

    def list(self, doc, before, after):
        mine = [each for each in doc["processes"] if each["pid"] == self.target.pid]
        if len(mine) != 1:
            yield f"the target is there {len(mine)} times"
            return
        if mine[0]["tasks"] is None or mine[0]["blocked"] is None or mine[0]["blocked"] < self.target.staying:
            yield f"{mine[0]['blocked']} are blocked, and {self.target.staying} stay so"
