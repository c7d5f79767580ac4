"""A connection that has ended is freed at once: it holds nothing in a circle for a collector to find.

The daemon keeps the garbage collector from looking at what lives long, as that stops the reactor (P6). So
whatever is left in a circle would be left until the next day.
"""

import gc
from collections import Counter
from weakref import ref

import pytest
from twisted.internet.task import Clock

from chatd.memory import loading
from chatd.ops.log import KEY
from chatd.server.collector import Collector
from chatd.testing import Playground
from chatd.wire import messages as m
from tests.helpers import TALKERS, come_in, sends
from tests.server.files.moving import digest_of

KINDS = {
    "ChatConnection",
    "NativeProtocol",
    "LinesProtocol",
    "WebChannel",
    "WebSocketProtocol",
    "Input",
    "Gate",
    "Output",
    "Reader",
    "Record",
    "Transfers",
}


def alive():
    return Counter(type(one).__name__ for one in gc.get_objects() if type(one).__name__ in KINDS)


def cut(playground, talker):
    talker.transport.abortConnection()


def says_goodbye(playground, talker):
    talker.say(m.Goodbye())


def forgets(playground, talker):
    talker.say(m.Goodbye(forget=True))


def breaks_the_protocol(playground, talker):
    talker.transport.write(b"\xff" * 8 + b"\n")


def is_taken_over(playground, talker):
    again = come_in(playground, token=talker.of(m.Welcome)[0].token, wait=1)
    again.transport.abortConnection()


def logs_out(playground, talker):
    talker.say(m.Logout(id=9))


def goes_silent(playground, talker):
    talker.answer_pings = False
    playground.network.cut()
    playground.advance(120, step=1)
    playground.network.heal()


def reads_nothing(playground, talker):
    talker.transport.pauseProducing()
    writer = come_in(playground, "writer", m.Join(id=1, room="#a"), *sends("#a", *["x" * 9000] * 40), wait=5)
    talker.transport.abortConnection()
    playground.advance(1)
    writer.transport.abortConnection()


def uploads(playground, talker):
    talker.say(m.Upload(id=9, transfer=1, size=10**6, sha256=digest_of(b"x" * 10**6)))
    playground.advance(1)
    talker.transport.abortConnection()


def asks_much_at_last(playground, talker):
    talker.say(*[m.History(id=n, room="#a") for n in range(9)], *sends("#a", "last"))
    talker.transport.abortConnection()


def is_refused(playground, talker):
    stranger = come_in(playground, token="nobody's", wait=1)
    assert stranger.lost
    talker.transport.abortConnection()


ENDS = [
    cut,
    says_goodbye,
    forgets,
    breaks_the_protocol,
    is_taken_over,
    logs_out,
    goes_silent,
    reads_nothing,
    uploads,
    asks_much_at_last,
    is_refused,
]


@pytest.mark.parametrize("speaks", TALKERS)
@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_however_it_ends_it_is_freed_without_the_collector(end, speaks, tmp_path):
    if speaks == "json-lines" and end is uploads:
        speaks = "native"
    playground = Playground(folder=tmp_path)
    server = playground.start_server()
    gc.collect()
    gc.freeze()  # what is there already is looked at no more
    before = alive()
    gc.disable()
    try:
        talker = come_in(playground, "ann", m.Join(id=1, room="#a"), wait=1, speaks=speaks)
        assert alive() != before
        end(playground, talker)
        del talker
        playground.advance(60, step=1)
        assert not server.connections
        assert alive() - before == Counter()
    finally:
        gc.enable()


class Circle:
    """Holds itself."""

    def __init__(self):
        self.itself = self


def test_what_is_in_a_circle_by_a_fault_is_found_once_a_day(logged_events):
    clock = Clock()
    collector = Collector(clock)
    collector.start()
    gc.collect()
    gc.disable()
    try:
        left = ref(Circle())
        clock.advance(86_399)
        assert left() is not None
        clock.advance(1)
        assert left() is None
    finally:
        gc.enable()
        collector.stop()
    (fields,) = [event[KEY].fields for event in logged_events if KEY in event]
    assert fields["count"] >= 1
    assert not clock.calls


def test_what_is_loaded_is_looked_at_no_more():
    """A hundred thousand users make more than a second of work for the collector, each time."""
    before = gc.get_freeze_count()
    try:
        with loading():
            assert not gc.isenabled()
            loaded = [[number] for number in range(10_000)]
        assert gc.isenabled()
        assert gc.get_freeze_count() >= before + len(loaded)
    finally:
        gc.freeze()  # as the tests were before
