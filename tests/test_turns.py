"""A shortened turn of the reactor does what Twisted's own does, and steps have their turn among the rest."""

import os
import socket
import time
from types import SimpleNamespace

import pytest
from twisted.internet import error
from twisted.internet.abstract import FileDescriptor
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.task import Clock

from chatd.turns import LEANS_ON, shorten_turns, soon


class Reader(FileDescriptor):
    """Reads from a socket, and does something about it."""

    def __init__(self, reactor, does):
        super().__init__(reactor)
        self.ours, self.theirs = socket.socketpair()
        reactor.sockets += (self.ours, self.theirs)
        self.ours.setblocking(False)
        self.does = does
        self.lost = None
        self.written = 0
        self.startReading()

    def fileno(self):
        return self.ours.fileno()

    def doRead(self):
        data = self.ours.recv(100)
        return self.does(data) if data else error.ConnectionDone()

    def doWrite(self):
        self.written += 1
        self.stopWriting()

    def connectionLost(self, reason):
        super().connectionLost(reason)
        self.lost = reason.value


def made(*, shortened):
    """Yield a reactor that nobody else has, and close whatever it has opened."""
    reactor = EPollReactor()
    reactor.sockets = []
    if shortened:
        shorten_turns(reactor)
    yield reactor
    reactor.removeAll()
    for one in reactor.sockets:
        one.close()
    for handle in (reactor.waker.i, reactor.waker.o):
        os.close(handle)
    reactor._poller.close()


@pytest.fixture(params=[True, False], ids=["shortened", "Twisted's own"])
def reactor(request):
    """A reactor of either kind."""
    yield from made(shortened=request.param)


@pytest.fixture
def short():
    """A reactor whose turns are shortened."""
    yield from made(shortened=True)


def turn(reactor):
    """Take one turn as `mainLoop` does, which ends at once."""
    reactor.runUntilCurrent()
    reactor.timeout()
    reactor.doIteration(0)


def test_the_internals_that_it_leans_on_are_there(reactor):
    assert [name for name in LEANS_ON if not hasattr(reactor, name)] == []
    assert EPollReactor.doIteration is EPollReactor.doPoll


def test_a_reactor_without_one_of_them_goes_on_as_it_is(monkeypatch):
    for bare in made(shortened=False):
        monkeypatch.delattr(bare, "_justStopped")
        shorten_turns(bare)
        assert bare.doIteration == bare.doPoll
        assert soon(bare).func == bare.callLater
        monkeypatch.undo()


def test_what_is_ready_is_read_and_what_is_not_is_not(reactor):
    heard = []
    readers = [Reader(reactor, heard.append) for _ in range(3)]
    readers[0].theirs.send(b"one")
    readers[2].theirs.send(b"three")
    turn(reactor)
    assert sorted(heard) == [b"one", b"three"]
    turn(reactor)
    assert len(heard) == 2


def test_what_can_be_written_is_written(reactor):
    heard = []
    reader = Reader(reactor, heard.append)
    reader.startWriting()
    reader.theirs.send(b"and read")
    turn(reactor)
    assert (reader.written, heard) == (1, [b"and read"])


@pytest.mark.parametrize("said", [b"", b"goodbye"])
def test_whoever_leaves_is_lost_once_what_was_said_is_read(reactor, said):
    heard = []
    reader = Reader(reactor, heard.append)
    reader.theirs.sendall(said)
    reader.theirs.close()
    turn(reactor)
    turn(reactor)
    assert heard == ([said] if said else [])
    assert isinstance(reader.lost, error.ConnectionDone)
    assert reader not in reactor.getReaders()


def test_a_fault_costs_that_descriptor_alone(short, flush_failures):
    heard = []
    wrong = Reader(short, lambda _: 1 // 0)
    right = Reader(short, heard.append)
    for reader in (wrong, right):
        reader.theirs.send(b"said")
    turn(short)
    assert heard == [b"said"]
    assert (type(wrong.lost), right.lost) == (ZeroDivisionError, None)
    assert len(flush_failures(ZeroDivisionError)) == 1


def test_one_that_another_has_ended_is_not_read(reactor):
    heard = []

    def end_other(data):
        heard.append(data)
        for other in readers:
            if other is not readers[data[0]]:
                other.stopReading()

    readers = [Reader(reactor, end_other) for _ in range(2)]
    for number, reader in enumerate(readers):
        reader.theirs.send(bytes([number]))
    turn(reactor)
    assert len(heard) == 1


def test_a_step_is_done_behind_the_reads_of_the_same_turn(short):
    order = []
    do = soon(short)

    def read(_):
        order.append("read")
        do(lambda: order.append("step"))

    readers = [Reader(short, read) for _ in range(2)]
    for reader in readers:
        reader.theirs.send(b"x")
    turn(short)
    assert order == ["read", "read", "step", "step"]


def test_a_step_that_asks_for_itself_lets_the_others_have_their_turn(short):
    order = []

    def again():
        order.append("step")
        do(again)

    do = soon(short)
    do(again)
    reader = Reader(short, lambda _: order.append("read"))
    short.callLater(0, order.append, "timer")
    turn(short)
    reader.theirs.send(b"x")
    turn(short)
    assert order == ["timer", "step", "read", "step"]


def test_a_turn_does_not_wait_while_a_step_is_to_be_done(short):
    done = []
    soon(short)(lambda: done.append(1))
    begin = time.monotonic()
    short.doIteration(60)
    assert done and time.monotonic() - begin < 30


def test_a_turn_without_steps_waits_until_something_is_ready(short):
    heard = []
    reader = Reader(short, heard.append)
    reader.theirs.send(b"x")
    short.doIteration(None)
    assert heard == [b"x"]


def test_a_fault_in_a_step_keeps_no_other_step_from_being_done(short, flush_failures):
    done = []
    do = soon(short)
    do(lambda: 1 // 0)
    do(lambda: done.append(1))
    turn(short)
    assert done == [1]
    assert len(flush_failures(ZeroDivisionError)) == 1


def test_another_clock_does_steps_in_its_own_way():
    clock, done = Clock(), []
    shorten_turns(clock)
    soon(clock)(lambda: done.append(1))
    assert not done
    clock.advance(0)
    assert done == [1]


def test_a_reactor_of_another_kind_is_left_alone():
    plain = SimpleNamespace()
    shorten_turns(plain)
    assert not vars(plain)


class Running:
    """A reactor that runs, in turns that this thread takes."""

    def __init__(self, reactor):
        reactor.running = True
        self.reactor = reactor
        self.heard = []
        self.reader = Reader(reactor, self.hear)
        self.reader.theirs.send(b"1")

    def hear(self, data):
        self.heard.append(data)
        if len(self.heard) < 3:
            self.reader.theirs.send(b"another")
        else:
            self.end()

    def end(self):
        """Let the turn end."""


def ask_a_thread(reactor):
    reactor.threadCallQueue.append((list, (), {}))


@pytest.mark.parametrize(
    "end",
    [
        ask_a_thread,
        lambda reactor: reactor.callLater(50, list),
        lambda reactor: setattr(reactor, "_justStopped", True),
        lambda reactor: setattr(reactor, "running", False),
    ],
    ids=["a call of another thread", "a timer", "the end", "a crash"],
)
def test_turns_follow_each_other_until_there_is_something_for_twisted(short, end):
    running = Running(short)
    running.end = lambda: end(short)
    short.doIteration(None)
    assert running.heard == [b"1", b"another", b"another"]


def test_turns_follow_each_other_until_a_timer_is_due(short):
    """Time is what was heard here, so that nothing depends on how fast the machine is."""
    done = []
    running = Running(short)
    short.seconds = lambda: float(len(running.heard))
    short.callLater(3, done.append, 1)
    short.doIteration(short.timeout())
    assert len(running.heard) == 3
    assert not done
    short.runUntilCurrent()
    assert done


def test_steps_that_ask_for_themselves_hold_up_no_timer(short):
    short.running = True
    steps, done = [], []

    def again():
        steps.append(1)
        do(again)

    do = soon(short)
    do(again)
    short.seconds = lambda: float(len(steps))
    short.callLater(10, done.append, 1)
    short.doIteration(short.timeout())
    assert len(steps) == 10
    short.runUntilCurrent()
    assert done
