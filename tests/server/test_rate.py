"""How quickly a session may ask: beyond its rate nothing is refused, it is only read later (P6)."""

import pytest

from chatd.ops.settings import Config, LimitsConfig
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.frames import FrameType, frame
from tests.helpers import come_in, sends


def begin(rate):
    playground = Playground(Config(limits=LimitsConfig(requests_per_second=rate)))
    playground.start_server()
    return playground


def test_sends_beyond_the_rate_wait_and_none_is_lost():
    playground = begin(10)
    bob = come_in(playground, "bob", m.Join(id=1, room="#a"))
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), heartbeat=m.Pulse(2.0, 4))
    texts = [str(number) for number in range(300)]
    ann.say(*sends("#a", *texts))
    playground.advance(1)
    assert 80 <= len(bob.texts()) <= 120
    bob.say(*sends("#a", "I am not held up"))
    playground.advance()
    assert "I am not held up" in ann.texts()
    playground.advance(9)
    assert 180 <= len(bob.texts()) <= 210
    playground.advance(12)
    assert [text for text in bob.texts() if text.isdigit()] == texts
    assert not ann.of(m.Error)
    assert ann.lost is None


def test_no_rate_is_no_limit():
    playground = begin(0)
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    ann.say(*sends("#a", *map(str, range(50_000))))
    playground.advance(0.1)
    assert len(ann.texts()) == 50_000


def test_another_connection_of_the_session_gets_no_other_allowance():
    playground = begin(10)
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    ann.say(*sends("#a", *["x"] * 300))
    playground.advance(1)
    last = 0
    for _ in range(5):
        again = come_in(playground, token=ann.of(m.Welcome)[0].token, cursors={"#a": 0})
        last = again.of(m.Welcome)[0].last
        again.say(*sends("#a", *["x"] * 300, n=last + 1))
        playground.advance()
    assert last <= 130


def test_an_end_while_it_waits_is_an_end():
    playground = begin(1)
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", *["x"] * 100))
    ann.transport.abortConnection()
    playground.advance(60)
    assert not playground.server.connections
    assert playground.store.events[1].keys() == set(range(1, max(playground.store.events[1]) + 1))


@pytest.mark.parametrize(
    "data",
    [
        frame(FrameType.PING, b"x") * 5000,
        frame(FrameType.PONG, b"x") * 5000,
        frame(FrameType.MESSAGE, b'{"t":"dance","id":1}') * 5000,
    ],
    ids=["pings", "pongs", "unknown"],
)
def test_whatever_comes_has_the_rate(data):
    playground = begin(100)
    ann = come_in(playground, "ann")
    ann.transport.write(data)
    playground.advance(5)
    left = sum(len(pipe.buffer) for pipe in playground.network._pipes)
    connection = next(iter(playground.server.connections))
    assert left + len(connection.decoder) > len(data) * 0.6
    assert connection.close_reason is None


def cost_of(playground, talker, request):
    connection = next(c for c in playground.server.connections if c.session.user.nick.startswith("ann"))
    before = connection.session.allowance.left
    talker.say(request)
    playground.advance()
    return before - connection.session.allowance.left


def test_what_makes_more_work_weighs_more():
    playground = begin(1000)
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    assert cost_of(playground, ann, sends("#a", "x")[0]) == 1
    one = cost_of(playground, ann, m.Nick(id=2, nick="ann2"))
    for number in range(20):
        cost_of(playground, ann, m.Join(id=3, room=f"#r{number}"))
    many = cost_of(playground, ann, m.Nick(id=4, nick="ann3"))
    assert many - one >= 20
    assert cost_of(playground, ann, m.ListRooms(id=5)) > 1
    assert cost_of(playground, ann, m.Join(id=6, room="#another")) > 1


@pytest.mark.parametrize("request_", [m.ListRooms(id=5), m.Members(id=5, room="#a")], ids=["list", "members"])
def test_a_long_list_weighs_more_than_a_short_one(request_):
    playground = begin(1000)
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    short = cost_of(playground, ann, request_)
    come_in(playground, "ben", *[m.Join(id=i, room=f"#r{i}") for i in range(150)])
    for number in range(150):
        come_in(playground, f"n{number}", m.Join(id=1, room="#a"))
    assert cost_of(playground, ann, request_) > short
