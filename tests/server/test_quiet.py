"""What a quiet connection costs: little memory, little work, and no more when very many come at once."""

import sys
from itertools import pairwise
from types import FunctionType, MethodType, ModuleType

import pytest

from chatd.chat.presence import PresenceBoard
from chatd.server.housekeeping import PRESENCE_INTERVAL, REST
from chatd.wire import messages as m
from chatd.wire.frames import FrameType, frame
from tests.helpers import come_in

PING = frame(FrameType.PING, b"")
PONG = frame(FrameType.PONG, b"")

OWN = {
    "ChatConnection", "FrameDecoder", "Gate", "Heartbeat", "Input", "Liveness", "Meter", "NativeProtocol",
    "Output", "Reader", "Record", "Session", "User",
}  # fmt: skip
"""The types of what belongs to one connection alone."""


@pytest.fixture
def connection(playground):
    """Return the server's side of Ann, who is in a room and says nothing."""
    come_in(playground, "ann", m.Join(id=1, room="#a"), wait=2)
    playground.advance(5)
    (connection,) = playground.server.connections
    return connection


def slots(one):
    """Yield the slots of ``one`` that hold something, without having anything made."""
    for name in [name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ())]:
        try:
            yield name, object.__getattribute__(one, name)
        except AttributeError:
            continue


def held(one):
    """Yield what ``one`` refers to by its slots and its dictionary, if it has any."""
    yield from dict(slots(one)).values()
    yield from getattr(one, "__dict__", {}).values()


def belongings(connection):
    """Return everything that belongs to ``connection`` alone, each once."""
    found, waiting = {}, [connection]
    while waiting:
        one = waiting.pop()
        if id(one) in found or isinstance(one, type | ModuleType | FunctionType):
            continue
        own = type(one).__name__ in OWN
        if own or isinstance(one, MethodType | dict | list | set | tuple | bytearray | float):
            found[id(one)] = one
        if own:
            waiting += held(one)
    return list(found.values())


def where(connection, wanted):
    """Return of which kind of thing, by which name, ``wanted`` is held."""
    for one in belongings(connection):
        if type(one).__name__ in OWN:
            for kind in type(one).__mro__:
                for name in getattr(kind, "__slots__", ()):
                    if hasattr(kind, name) and id(dict(slots(one)).get(name)) == wanted:
                        return f"{type(one).__name__}.{name}"
    return "?"


def test_it_holds_no_bound_methods_and_no_empty_containers(connection):
    things = belongings(connection)
    outlets = [connection.reader.outlet]  # over a transport in memory, which has no `send` of the system
    assert [one for one in things if isinstance(one, MethodType) and one not in outlets] == []
    empty = [id(one) for one in things if isinstance(one, dict | set) and not one]
    assert [where(connection, one) for one in empty if one != id(connection.reader._behind)] == []


def test_it_is_small(connection):
    assert sum(map(sys.getsizeof, belongings(connection))) < 3000


@pytest.mark.parametrize("cut", [len(PING), 2], ids=["alone", "in two pieces"])
def test_a_ping_costs_and_counts_the_same_however_it_comes(connection, cut):
    gate, reader = connection.input.gate, connection.protocol
    written = []
    connection.transport.write = written.append
    before = connection.bytes_in, gate.allowance.left, gate.volume.left, connection.output.bytes_out
    for part in (PING[:cut], PING[cut:]):
        if part:
            reader.dataReceived(part)
    after = connection.bytes_in, gate.allowance.left, gate.volume.left, connection.output.bytes_out
    assert written == [PONG]
    size = len(PING)
    assert [b - a for a, b in zip(before, after, strict=True)] == [size, -1, -size, len(PONG)]


def test_a_ping_waits_its_turn_behind_what_came_before_and_while_nothing_is_taken(connection):
    connection.wait()
    written = []
    connection.transport.write = written.append
    connection.protocol.dataReceived(PING)
    assert written == []
    connection.go_on()
    connection.server.visits.turn()
    assert written == [PONG]


def test_who_has_come_is_told_for_a_fifth_of_the_time_at_most(playground, monkeypatch):
    told = []

    def tell(_board, now):
        told.append(now)
        playground.clock.rightNow += 0.5
        yield 1

    playground.advance(PRESENCE_INTERVAL)
    monkeypatch.setattr(PresenceBoard, "tell", tell)
    playground.advance(20)
    gaps = [later - earlier for earlier, later in pairwise(told)]
    assert len(told) > 3
    assert min(gaps) >= 0.5 * (1 + REST)
