"""The gate: what shuts it, what opens it again, and that it asks for a look when time alone opens it."""

import pytest
from twisted.internet.task import Clock

from chatd.chat.quota import Bucket
from chatd.server.gate import OWED_BYTES, PAUSE, Gate, Hold
from chatd.wire.limits import MAX_UNANSWERED


class Owner:
    """Has a gate, and notes when it is told to go on."""

    def __init__(self, clock, looks):
        self.clock = clock
        self.looks = looks
        self.gate = Gate(self)

    def go_on(self):
        self.looks.append((self.clock.seconds(), self.gate.may_take()))

    def patience(self):
        return 60.0


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def looks():
    return []


@pytest.fixture
def gate(clock, looks):
    return Owner(clock, looks).gate


def test_a_new_gate_is_open_and_asks_for_nothing(gate, clock, looks):
    gate.charge(1e9)
    assert gate.may_take()
    assert not clock.getDelayedCalls()
    assert not looks


@pytest.mark.parametrize("why", Hold)
def test_every_hold_shuts_it_until_it_is_lifted(gate, why):
    gate.hold(why)
    gate.hold(why)
    assert not gate.may_take()
    gate.lift(why)
    assert gate.may_take()
    gate.lift(why)
    assert gate.may_take()


@pytest.mark.parametrize("why", Hold)
def test_one_hold_lifts_no_other(gate, why):
    for each in Hold:
        gate.hold(each)
    for each in Hold:
        if each is not why:
            gate.lift(each)
    assert not gate.may_take()


def test_so_many_answers_may_be_owed(gate):
    for _ in range(MAX_UNANSWERED):
        gate.owe(1, 1)
    assert gate.may_take()
    gate.owe(1, 1)
    assert not gate.may_take()
    gate.settle(1)
    assert gate.may_take()


def test_so_many_bytes_may_be_owed_and_the_oldest_are_settled_first(gate):
    gate.owe(10, 1)
    gate.owe(OWED_BYTES - 11, 1)
    assert gate.may_take()
    gate.owe(1, 1)
    assert not gate.may_take()
    gate.settle(0)
    assert not gate.may_take()
    gate.settle(1)
    assert gate.may_take()
    gate.owe(9, 1)
    assert gate.may_take()
    gate.owe(1, 1)
    assert not gate.may_take()
    gate.settle(3)
    gate.owe(OWED_BYTES - 2, 1)
    assert gate.may_take()


def test_what_was_asked_too_quickly_is_waited_for(gate, clock, looks):
    gate.allowance = Bucket(2, 4, clock.seconds())
    gate.owe(1, 3)
    assert gate.may_take()
    gate.charge(2)
    for _ in range(3):
        assert not gate.may_take()
    assert len(clock.getDelayedCalls()) == 1
    clock.advance(0.9)
    assert not gate.may_take()
    clock.advance(0.1)
    assert looks == [(1.0, True)]


def test_a_pause_is_not_too_short(gate, clock, looks):
    gate.allowance = Bucket(1000, 1000, clock.seconds())
    gate.charge(1000)
    assert not gate.may_take()
    clock.advance(PAUSE - 0.001)
    assert not looks
    clock.advance(0.002)
    assert [opens for _, opens in looks] == [True]


def test_who_asks_too_much_during_a_pause_takes_another(gate, clock, looks):
    gate.allowance = Bucket(1, 1, clock.seconds())
    gate.pause(0.25)
    gate.charge(3)
    clock.advance(0.25)
    assert looks == [(0.25, False)]
    clock.advance(2.75)
    assert looks == [(0.25, False), (3.0, True)]


def test_there_is_one_pause_at_a_time(gate, clock, looks):
    gate.pause(0.25)
    gate.pause(5)
    assert not gate.may_take()
    clock.advance(0.25)
    assert looks == [(0.25, True)]
    clock.advance(10)
    assert len(looks) == 1


def test_a_pause_opens_nothing_that_is_held(gate, clock, looks):
    gate.hold(Hold.PAGE)
    gate.pause(1)
    clock.advance(1)
    assert looks == [(1.0, False)]


def test_a_connection_that_ends_during_a_pause_is_left_alone(gate, clock, looks):
    gate.pause(1)
    gate.hold(Hold.END)
    clock.advance(1)
    assert not looks
