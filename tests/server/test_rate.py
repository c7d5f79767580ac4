"""How quickly a session may ask: beyond its rate nothing is refused, it is only read later (P6)."""

import pytest

from chatd.ops.settings import Config, LimitsConfig
from chatd.server.budgets import Flow
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
    assert left + len(connection.input.decoder) > len(data) * 0.6
    assert connection.close_reason is None


def cost_of(playground, talker, request):
    connection = next(c for c in playground.server.connections if c.session.user.nick.startswith("ann"))
    before = left(connection.session)
    talker.say(request)
    playground.advance()
    return before - left(connection.session)


def left(session):
    return session.allowance.left + session.user.meter[Flow.REQUESTS].left


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


# ---- floods ---------------------------------------------------------------------------------------------


def flood(playground, talker, seconds, n=1):
    """Let ``talker`` ask ten times more than it may, heeding nothing, for so long or until it is cut off."""
    ids = 1000
    for _ in range(round(seconds * 2)):
        if talker.lost is not None:
            return
        talker.say(*[m.Read(id=ids + i, room="#a", seq=0) for i in range(100)])
        ids += 100
        playground.advance(0.5)


def test_a_flood_is_delayed_then_refused_and_closed_only_when_it_goes_on():
    playground = begin(20)
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    flood(playground, ann, 55)
    assert not ann.of(m.Error)
    flood(playground, ann, 30)
    refused = ann.of(m.Error)
    assert {error.code for error in refused} == {"too-fast"}
    assert "(requests_per_second)" in refused[0].text
    assert all(error.id and error.retry_after >= 1 for error in refused)
    assert ann.lost is None
    flood(playground, ann, 60)
    assert ann.lost is not None
    last = ann.of(m.Error)[-1]
    assert (last.id, last.code) == (None, "too-fast")
    assert last.retry_after >= 1


@pytest.mark.slow  # it works for a second
def test_who_heeds_a_refusal_is_never_cut_off():
    playground = begin(20)
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    heeded = asked = 0
    for _ in range(1000):
        answers = len(ann.of(m.Ok)) + len(ann.of(m.Error))
        refused = len(ann.of(m.Error))
        while asked - answers < 100:  # no more than so many unanswered at once
            asked += 1
            ann.say(m.Read(id=1000 + asked, room="#a", seq=0))
        playground.advance(0.5)
        errors = ann.of(m.Error)[refused:]
        if errors:
            playground.advance(10, step=0.5)
            heeded += 1
            playground.advance(ann.of(m.Error)[-1].retry_after, step=0.5)
    assert heeded > 1
    assert ann.lost is None


def test_mistakes_weigh_more_than_what_makes_sense():
    playground = begin(1000)
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    assert cost_of(playground, ann, m.Read(id=2, room="#none", seq=1)) == 11
    assert cost_of(playground, ann, m.Read(id=2, room="#a", seq=1)) == 1


def test_all_devices_of_a_user_share_the_rate():
    playground = begin(10)
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    second = come_in(playground, token=ann.of(m.Welcome)[0].token, device=True)
    for one in (ann, second):
        one.say(*[m.Read(id=i, room="#a", seq=0) for i in range(200)])
    playground.advance(10)
    answered = sum(len(one.of(m.Ok)) for one in (ann, second))
    assert answered <= 100 + 10 * 10 + 10


# ---- bytes ----------------------------------------------------------------------------------------------

TEXT = "x" * 10_000


def heavy(**limits):
    """Start a server that takes 10,000 bytes of a user in a second, and 100,000 at once."""
    limits = {"requests_per_second": 0, "bytes_per_second": 10_000, "users_per_address": 2} | limits
    playground = Playground(Config(limits=LimitsConfig(**limits)))
    playground.start_server()
    return playground


def test_bytes_beyond_the_rate_wait_and_none_is_lost():
    playground = heavy()
    bob = come_in(playground, "bob", m.Join(id=1, room="#a"))
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), heartbeat=m.Pulse(2.0, 4))
    ann.say(*sends("#a", *[TEXT] * 30))
    playground.advance(1)
    assert len(bob.texts()) < 25
    bob.say(*sends("#a", "I am not held up"))
    playground.advance(0.1)
    assert "I am not held up" in bob.texts()
    ann.say(*sends("#a", "at last", n=31))
    playground.advance(40)
    assert bob.texts()[-1] == "at last"
    assert len(bob.texts()) == 32
    assert not ann.of(m.Error)
    assert ann.lost is None


def test_all_connections_of_a_user_share_the_bytes():
    playground = heavy()
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    other = come_in(playground, token=ann.of(m.Welcome)[0].token, device=True)
    bob = come_in(playground, "bob", m.Join(id=1, room="#a"))
    ann.say(*sends("#a", *[TEXT] * 12))
    playground.advance(0.5)
    other.say(*sends("#a", *[TEXT] * 12))
    playground.advance(60)
    assert len(bob.texts()) == 24
    before = playground.server.hub.world.rooms["#a"].log.head
    for one, n in ((ann, 13), (other, 13)):
        one.say(*sends("#a", *[TEXT] * 60, n=n))
    playground.advance(5)
    assert playground.server.hub.world.rooms["#a"].log.head - before <= 40


def test_an_address_has_no_more_than_some_users(monkeypatch):
    monkeypatch.setattr("chatd.server.budgets.is_local", lambda _: False)
    playground = heavy()
    crowd = [come_in(playground, f"n{number}", m.Join(id=1, room="#a")) for number in range(6)]
    room = playground.server.hub.world.rooms["#a"]
    for one in crowd:
        one.say(*sends("#a", *[TEXT] * 18))
    playground.advance(0.1)
    assert room.log.head < 6 + 60, "six users alone might have brought as much"
    playground.advance(120)
    assert room.log.head == 6 + 6 * 18


def test_who_pours_out_texts_for_ever_is_refused_by_the_name_of_the_limit_and_cut_off_in_the_end():
    playground = heavy(flood_delay=5.0, flood_refuse=5.0)
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), heartbeat=m.Pulse(2.0, 4))
    for n in range(200):
        ann.say(m.Send(id=n, n=n + 1, room="#a", text=TEXT))
    playground.advance(40)
    refused = next(error for error in ann.of(m.Error) if error.code == "too-fast")
    assert "(bytes_per_second)" in refused.text
    assert refused.retry_after > 0
    assert ann.lost is not None


def test_no_bytes_are_no_limit():
    playground = heavy(bytes_per_second=0)
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    ann.say(*sends("#a", *[TEXT] * 200))
    playground.advance(0.1)
    assert len(ann.texts()) == 200
