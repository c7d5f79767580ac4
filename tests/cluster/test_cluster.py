"""Three nodes over three real servers: whoever dies, what was acknowledged is on all of them, once."""

import queue
import time

import pytest

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
        assert self.engine.stop()
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
        assert [said for said in first.said if said in set(self.told)] == self.told
        assert not set(self.refused) & set(first.said)


@pytest.fixture
def servers(tmp_path):
    running = Servers(tmp_path, 3)
    yield running
    running.stop()


@pytest.fixture
def three(servers):
    cluster = Three(Options(servers.urls))
    yield cluster
    for machine in cluster.machines:
        if machine.engine._side._thread.is_alive():
            machine.engine.stop()


def leader_of_the_stream(three):
    """Return the number of the server that leads the stream."""
    got = []
    jetstream = three.machines[0].engine._jetstream
    three.machines[0].engine._side.do(jetstream.demand(f"STREAM.INFO.{jetstream.stream}"), got.append)
    three.until(lambda: got, "the stream's leader")
    return int(got[0]["cluster"]["leader"].removeprefix("server"))


def test_whoever_dies_nothing_that_was_acknowledged_is_lost(servers, three, record_property):
    three.until(three.leader, "a leader")
    three.say_more()

    dead = three.leader()
    dead.die()
    record_property("leader killed", three.until(three.leader, "another leader") + three.say_more(3))
    assert three.leader() is not dead
    dead.begin()
    three.say_more()

    number = leader_of_the_stream(three)
    servers.kill(number)
    record_property("server killed", three.say_more(3))
    three.say_more()
    servers.start(number)
    three.say_more()

    for number in range(3):
        servers.kill(number)
    for number in range(3):
        servers.start(number)
    record_property("all servers killed", three.say_more(3))
    three.say_more()
    three.check()
