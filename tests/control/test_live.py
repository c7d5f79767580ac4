"""``tail`` at a level of its own: one nick or one connection, as long as somebody looks."""

import pytest

from chatd.control import live
from chatd.control import messages as c
from chatd.control.messages import Refused
from chatd.control.rows import LogLine
from chatd.wire import messages as m
from tests.helpers import TALKERS, come_in, sends


def look(site, where, level="debug", *more):
    asker = site.connect()
    asker.ask(c.AskTail(id=1, level=level, where=[where, *more]))
    site.playground.advance(0.1)
    return asker


def told(asker):
    fields = ("event", "nick", "message", "room", "code")
    return [tuple(row.line.get(field) for field in fields) for row in asker.rows(LogLine)]


@pytest.mark.parametrize("speaks", list(TALKERS))
def test_every_message_of_one_nick_is_told_while_somebody_looks(site, speaks):
    ann = come_in(site.playground, "Ann", m.Join(id=1, room="#a"), speaks=speaks, wait=0.1)
    ben = come_in(site.playground, "ben", m.Join(id=1, room="#a"), speaks=speaks, wait=0.1)
    asker = look(site, "nick=ann")
    wrapped = [one for one in site.server.connections if "decode_all" in vars(one.protocol)]
    assert [one.session.user.nick for one in wrapped] == ["Ann"]
    ann.say(*sends("#a", "what nobody else may read"), m.Join(id=2, room="#"), m.ListRooms(id=3))
    ben.say(*sends("#a", "not looked at"))
    site.playground.advance(0.5)
    assert sorted(told(asker), key=str) == sorted(
        [
            ("heard", "Ann", "send", "#a", None),
            ("heard", "Ann", "join", "#", None),
            ("heard", "Ann", "list", None, None),
            ("told", "Ann", "ok", None, None),
            ("told", "Ann", "error", None, "bad-room"),
            ("told", "Ann", "ok", None, None),
        ],
        key=str,
    )
    assert "nobody else" not in str(asker.heard)
    assert ann.texts("#a") == ben.texts("#a") == ["what nobody else may read", "not looked at"]
    asker.transport.abortConnection()
    site.playground.advance(0.5)
    assert (len(site.server.taps), site.server.taps.watchers) == (0, 0)
    ann.say(m.ListRooms(id=4))
    site.playground.advance(0.5)
    assert ann.of(m.Ok)[-1].id == 4
    for connection in site.server.connections:
        assert "decode_all" not in vars(connection.protocol)
        assert connection.output.codec is connection.protocol.codec


def test_the_coming_of_a_nick_is_told_and_looked_at_from_then_on(site):
    asker = look(site, "nick=ann")
    ann = come_in(site.playground, "ann", wait=0.1)
    ann.say(m.ListRooms(id=1))
    site.playground.advance(0.5)
    assert [line[:3] for line in told(asker)] == [
        ("client-in", "ann", None),
        ("told", "ann", "welcome"),
        ("heard", "ann", "list"),
        ("told", "ann", "ok"),
    ]
    ann.transport.loseConnection()
    site.playground.advance(0.5)
    assert told(asker)[-1][0] == "client-out"
    asker.transport.abortConnection()
    site.playground.advance(0.5)
    assert len(site.server.taps) == 0


def test_one_connection_at_any_level_and_further_conditions(site):
    ann = come_in(site.playground, "ann", wait=0.1)
    (connection,) = site.server.connections
    first = look(site, f"connection={connection.number}", "debug", "message=ok")
    second = look(site, f"connection={connection.number}", "info")
    ann.say(m.ListRooms(id=1))
    site.playground.advance(0.5)
    assert [line[:3] for line in told(first)] == [("told", "ann", "ok")]
    assert told(second) == []
    first.transport.abortConnection()
    site.playground.advance(0.5)
    assert len(site.server.taps) == 1
    ann.transport.loseConnection()
    site.playground.advance(0.5)
    assert [line[0] for line in told(second)] == ["client-out"]


def test_what_is_too_much_is_dropped_and_counted(site, monkeypatch):
    monkeypatch.setattr(live, "MOST", 3)
    ann = come_in(site.playground, "ann", wait=0.1)
    asker = look(site, "nick=ann")
    ann.say(*(m.ListRooms(id=number) for number in range(1, 11)))
    site.playground.advance(0.5)
    rows = asker.rows(LogLine)
    assert (len(rows), sum(row.missing for row in rows)) == (3, 17)


@pytest.mark.parametrize("where", [[], ["level=info"], ["nick=*"], ["connection>1"], ["nick="]])
def test_it_is_for_one_alone(site, where):
    asker = site.connect()
    asker.ask(c.AskTail(id=1, level="debug", where=where))
    site.playground.advance(0.5)
    assert asker.ended == [Refused(id=1, code="bad-condition", text=live.ONE_NEEDED)]


def test_few_look_at_once(site):
    askers = [look(site, "nick=ann") for _ in range(live.AT_ONCE + 1)]
    assert [len(asker.ended) for asker in askers] == [0] * live.AT_ONCE + [1]
    askers[0].transport.abortConnection()
    site.playground.advance(0.5)
    assert not look(site, "nick=ann").ended
