"""Three nodes over three real servers, in one process, which say something all the time; faults of any kind.

``python -m tests.cluster.three 200`` plays so many random faults, one after the other, and checks at the end
that what was acknowledged is on all nodes, once, in one order. A second number chooses other faults.
"""

import queue
import random
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from chatd.chat.storage import Changes
from chatd.cluster.engine import Engine
from chatd.cluster.jetstream import Options
from chatd.cluster.node import Node
from chatd.testing import MemoryStore
from tests.cluster.servers import Servers

PATIENCE = 60.0


class Machine:
    """One node, whose store outlives whatever runs there; it acts when the test lets it."""

    def __init__(self, options, name):
        self.options = options
        self.name = name
        self.store = MemoryStore()
        self.failures = []
        self.begin()

    def begin(self):
        self.calls = queue.SimpleQueue()
        self.leads = self.busy = False
        self.engine = Engine(self.options, self.name, lambda *call: self.calls.put(call), self)
        self.node = Node(self.store, self.store.load().mark, self.engine, self)
        self.engine.open()

    def die(self):
        """End as a process that is killed."""
        self.engine._holds = False
        assert self.engine._side.stop(self.engine._part(), PATIENCE)  # it may be asleep
        self.calls = queue.SimpleQueue()
        self.leads = False

    def pump(self):
        while not self.calls.empty():
            function, *given = self.calls.get()
            function(*given)

    @property
    def said(self):
        return list(self.store.events.get(1, {}).values())

    # ---- what the engine and the node tell --------------------------------------------------------------

    def opened(self):
        self.node.opened()

    def took(self, run):
        self.node.took(run)

    def chosen(self, epoch):
        self.node.chosen(epoch)

    def lost(self):
        self.node.lost()

    def failed(self, error):
        self.failures.append(error)

    end = failed

    def lead(self):
        self.leads = True

    def follow(self):
        self.leads = False

    def take_in(self, _):
        assert not self.leads


class Three:
    """Three machines, what they were told to say, and what was acknowledged of that."""

    def __init__(self, options):
        self.machines = [Machine(options, f"node{number}") for number in range(3)]
        self.number = 0
        self.told = []
        self.refused = []

    def pump(self):
        """Let all go on, and have whoever leads say something."""
        for machine in self.machines:
            machine.pump()
            assert not machine.failures
            if machine.leads and not machine.busy:
                self.say(machine)
        time.sleep(0.002)

    def say(self, machine):
        self.number += 1
        machine.busy = True
        said = b"%d" % self.number * 50

        def heard(error):
            machine.busy = False
            (self.told if error is None else self.refused).append(said)

        machine.node.store.append(Changes(events=[(1, len(machine.said) + 1, [said])]), heard)

    def until(self, condition, what):
        """Go on until ``condition`` holds; return how many seconds that took."""
        began = time.monotonic()
        while not condition():
            assert time.monotonic() < began + PATIENCE, f"waited in vain for {what}"
            self.pump()
        return time.monotonic() - began

    def leader(self):
        return next((machine for machine in self.machines if machine.leads), None)

    def say_more(self, count=20):
        """Go on until so much more is acknowledged; return how many seconds that took."""
        wanted = len(self.told) + count
        return self.until(lambda: len(self.told) >= wanted, "acknowledgements")

    def check(self):
        """Let all take in everything, and compare."""
        for machine in self.machines:
            machine.leads, machine.busy = False, True  # nothing more is said
        self.until(lambda: not any(machine.node.store.busy for machine in self.machines), "the last outcome")
        last = max(machine.node.store.place for machine in self.machines)
        self.until(lambda: all(one.node.store.place >= last for one in self.machines), "all to be equal")
        first, *others = self.machines
        for other in others:
            assert other.said == first.said
            assert other.node.store.place == first.node.store.place
        assert len(set(first.said)) == len(first.said)
        # Not in this order: who was asleep may hear late of what came in before another one led.
        lost = set(self.told) - set(first.said)
        assert not lost
        assert len(set(self.told)) == len(self.told)
        assert not set(self.refused) & set(first.said)


class Torture:
    """Random faults, and for how many seconds nothing was acknowledged because of each."""

    def __init__(self, servers: Servers, three: Three, seed: int) -> None:
        self.servers = servers
        self.three = three
        self.dice = random.Random(seed)
        self.took: dict[str, list[float]] = defaultdict(list)

    def play(self, count: int) -> None:
        """Play so many faults."""
        faults = {
            "leader killed": self.kill_leader,
            "node killed": self.kill_node,
            "server killed": self.kill_server,
            "server frozen": self.freeze_server,
            "two servers killed": self.kill_two,
            "all servers killed": self.kill_all,
            "leader asleep": self.let_leader_sleep,
        }
        for _ in range(count):
            what = self.dice.choice(list(faults))
            faults[what]()
            self.took[what].append(self.three.say_more(3))
            self.repair()
            self.three.say_more(self.dice.randrange(1, 60))

    def repair(self) -> None:
        """Let everything run again."""
        for number in range(3):
            if number not in self.servers._running:
                self.servers.start(number)
            self.servers.thaw(number)
        for machine in self.three.machines:
            if not machine.engine._side._thread.is_alive():
                machine.begin()

    def kill_leader(self) -> None:
        self.three.until(self.three.leader, "a leader")
        self.three.leader().die()

    def kill_node(self) -> None:
        self.dice.choice(self.three.machines).die()

    def kill_server(self) -> None:
        self.servers.kill(self.dice.randrange(3))

    def freeze_server(self) -> None:
        self.servers.freeze(self.dice.randrange(3))

    def kill_two(self) -> None:
        one, two = self.dice.sample(range(3), 2)
        self.servers.kill(one)
        self.servers.kill(two)
        self.servers.start(two)

    def kill_all(self) -> None:
        for number in range(3):
            self.servers.kill(number)
        for number in range(3):
            self.servers.start(number)

    def let_leader_sleep(self) -> None:
        """Let the leader's other thread sleep beyond its lease, as a process does that is stopped."""
        self.three.until(self.three.leader, "a leader")
        self.three.leader().engine._side.soon(lambda: time.sleep(4.5))


def main(count: int, seed: int) -> None:
    """Play ``count`` faults, and print what they cost."""
    with tempfile.TemporaryDirectory(prefix="chatd-") as folder:
        servers = Servers(Path(folder), 3)
        three = Three(Options(servers.urls))
        torture = Torture(servers, three, seed)
        try:
            three.until(three.leader, "a leader")
            torture.play(count)
            three.check()
        finally:
            for machine in three.machines:
                machine.engine.stop()
            servers.stop()
    lines = []
    for what, seconds in sorted(torture.took.items()):
        middle, worst = sorted(seconds)[len(seconds) // 2], max(seconds)
        lines.append(f"{what:20} {len(seconds):4} times, {middle:5.1f} s, {worst:5.1f} s at the most")
    lines.append(f"{len(three.told)} acknowledged, {len(three.refused)} refused; all nodes have the same.")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
