"""An observer of the log that is not ours holds nobody up, and is told how much it missed."""

import threading

import pytest
from twisted.logger import ILogObserver, globalLogPublisher
from twisted.python import usage
from zope.interface import implementer

from chatd.ops.attach import beside
from chatd.ops.foreign import MAX_EVENTS, ROOM_AGAIN, Foreign
from chatd.ops.log import KEY
from chatd.ops.observers import json_lines


@implementer(ILogObserver)
class Slow:
    """An observer that is shut and opened by the test."""

    def __init__(self):
        self.open = threading.Event()
        self.taken = []

    def __call__(self, event):
        self.open.wait()
        self.taken.append(event)


@pytest.fixture
def slow():
    observer = Slow()
    yield observer
    observer.open.set()


def numbered(count):
    return [{"log_number": number} for number in range(count)]


def test_all_comes_in_order_also_what_came_before_the_start(slow):
    foreign = Foreign(lambda: slow).made()
    slow.open.set()
    events = numbered(10)
    for event in events[:5]:
        foreign(event)
    assert slow.taken == []
    foreign.start()
    for event in events[5:]:
        foreign(event)
    foreign.close()
    assert slow.taken == events


def test_what_was_said_before_a_failed_start_comes_at_the_end(slow):
    foreign = Foreign(lambda: slow).made()
    slow.open.set()
    foreign({"log_number": 1})
    foreign.close()
    assert slow.taken == [{"log_number": 1}]


def test_what_does_not_fit_is_counted_and_told(slow):
    foreign = Foreign(lambda: slow).made()
    for event in numbered(MAX_EVENTS + 7):
        foreign(event)
    assert len(foreign._waiting) == MAX_EVENTS
    globalLogPublisher.addObserver(foreign)
    try:
        while len(foreign._waiting) >= ROOM_AGAIN:
            foreign._waiting.popleft()
        foreign({"log_number": 1})
    finally:
        globalLogPublisher.removeObserver(foreign)
    *_, last = foreign._waiting
    assert (last[KEY].name, last[KEY].fields["count"]) == ("log-dropped", 7)


class Options(usage.Options):
    """Options of twistd as far as the logger goes: it is a name first, and then what that means."""

    means = None

    def postOptions(self):
        self["logger"] = self.means


@pytest.mark.parametrize("chosen", [json_lines, None])
def test_ours_are_left_alone(chosen):
    options = Options()
    options.means = chosen
    beside(options)
    options.parseOptions([])
    assert options["logger"] is chosen


def test_another_one_is_wrapped(slow):
    options = Options()
    options.means = lambda: slow
    beside(options)
    options.parseOptions([])
    foreign = options["logger"]()
    foreign({"log_number": 1})
    slow.open.set()
    foreign.close()
    assert slow.taken == [{"log_number": 1}]
