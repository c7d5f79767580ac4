"""Why somebody was cut off, and what became of an event."""

import msgspec
import pytest
from twisted.internet.protocol import Protocol

from chatd.chat import accounts
from chatd.control import messages as c
from chatd.control.cli.explained import LIVES, told
from chatd.control.cli.tables import cells, table, wrapped
from chatd.control.messages import Done, Refused
from chatd.control.past import meant
from chatd.control.rows import Traced, TraceRow
from chatd.server.life import Life
from chatd.server.record import SAMPLES, Record
from chatd.wire import messages as m
from tests.control.test_changing import do
from tests.helpers import come_in, restart, sends


def lives(site, whom):
    return site.ask(c.AskExplain(whom=whom), Life)


def test_every_end_has_its_reason_and_outlives_a_restart(site):
    ann = come_in(site.playground, "ann", software="robot 7", wait=1)
    token = ann.of(m.Welcome)[0].token
    ann.say(m.Join(id=1, room="#a"), m.Leave(id=2, room="#nowhere"), m.Leave(id=3, room="#nowhere"))
    site.playground.advance(1)
    ann.say(m.Goodbye())
    site.playground.advance(1)
    silent = come_in(site.playground, token=token, answer_pings=False, heartbeat=m.Pulse(1.0, 4), wait=6)
    assert silent.lost is not None
    again = come_in(site.playground, token=token, wait=1)
    rows = lives(site, "ANN")
    assert [(row.reason, row.resume) for row in rows] == [
        ("", "resumed"),
        ("silent", "resumed"),
        ("goodbye", "new"),
    ]
    up, lost, first = rows
    assert first.refusals == {"no-such-room": 2}
    assert (first.software, first.nick, first.duration) == ("robot 7", "ann", pytest.approx(2.1, abs=0.3))
    assert lost.missed >= 1
    assert up.missed == 0
    assert [row.connection for row in lives(site, str(lost.connection))] == [lost.connection]
    assert len(lives(site, "127.0.0.1")) == 3
    again.say(m.Goodbye())
    site.playground.advance(1)
    assert len(site.kept.entries) == 3
    restart(site.playground)
    assert [row.reason for row in lives(site, "ann")] == ["goodbye", "silent", "goodbye"]


def test_those_who_were_refused_are_kept_by_their_address(site):
    come_in(site.playground, "no nick", wait=1)
    stranger = Protocol()
    site.playground.connect(stranger)
    site.playground.advance(0.1)
    stranger.transport.loseConnection()
    site.playground.advance(1)
    (row,) = lives(site, "127.0.0.1")
    assert (row.resume, row.reason, row.refusals) == ("none", "refused", {"bad-nick": 1})


def test_nobody_knows(site):
    end = do(site, c.AskExplain(whom="nobody"))
    assert isinstance(end, Refused)
    assert (end.code, "nobody" in end.text) == ("not-known", True)


def test_a_deleted_account_is_forgotten_under_all_of_its_nicks_and_for_good(site):
    ann = come_in(site.playground, "ann", wait=0.5)
    ben = come_in(site.playground, "ben", wait=0.5)
    world = site.server.hub.world
    accounts.make(world, world.nicks["ann"], "", 0)
    world.rename(world.nicks["ann"], "Anna", "anna", 0)
    site.playground.advance(0.1)
    assert isinstance(do(site, c.AskUserDelete(nick="Ann")), Done)
    assert sorted(site.kept.forgotten) == ["ann", "anna"]
    site.playground.advance(1)
    assert ann.lost is not None
    assert isinstance(do(site, c.AskExplain(whom="ann")), Refused)
    ben.say(m.Goodbye())
    site.playground.advance(1)
    assert len(lives(site, "ben")) == 1


@pytest.mark.parametrize(
    ("whom", "what"),
    [
        ("17", ("number", 17)),
        ("192.0.2.1", ("host", "192.0.2.1")),
        ("2001:DB8::1", ("host", "2001:db8::1")),
        ("[::1]", ("host", "::1")),
        ("unix", ("host", "unix")),
        ("@Ann", ("key", "ann")),
    ],
)
def test_what_is_meant(whom, what):
    assert meant(whom) == what


def test_the_course_of_round_trips_is_kept_small_and_whole():
    record = Record()
    for second in range(10_000):
        record.sample(float(second), second / 1000, 0)
    course = list(record.trips())
    assert len(course) <= SAMPLES
    assert course[0] == (0.0, 0.0)
    assert course[-1][0] > 9000
    ages = [age for age, _ in course]
    assert ages == sorted(ages)
    record.sample(10_000.0, None, 7)
    assert record.lag == 7


def test_only_round_trips_that_are_kept_need_be_measured():
    record, blind = Record(), Record()
    measured = 0
    for second in range(3000):
        kept = blind.keeps_next
        measured += kept
        record.sample(float(second), second / 1000, 0)
        blind.sample(float(second), second / 1000 if kept else None, 0)
    assert list(blind.trips()) == list(record.trips())
    assert measured < 300


def test_refusals_of_many_kinds_take_little_room():
    record = Record()
    for number in range(100):
        record.refused(f"code-{number}")
    assert len(record.refusals) == 9
    assert sum(record.refusals.values()) == 100


def test_an_event_is_traced_to_every_device(site):
    ann = come_in(site.playground, "ann", m.Join(id=1, room="#a"), wait=0.2)
    ben = come_in(site.playground, "ben", m.Join(id=1, room="#a"), wait=0.2)
    gone = come_in(site.playground, "cem", m.Join(id=1, room="#a"), wait=0.2)
    gone.transport.loseConnection()
    ben.transport.pauseProducing()
    ann.say(*sends("#a", *["x" * 4000] * 60))
    site.playground.advance(1)
    asker = site.connect()
    asker.ask(c.AskTrace(id=1, room="#A", seq=60))
    site.playground.advance(0.2)
    first, *rest = asker.heard[0].rows
    traced = msgspec.json.decode(first, type=Traced)
    assert (traced.room, traced.seq, traced.head) == ("#a", 60, 63)
    assert traced.committed >= traced.sealed > 1_600_000_000_000
    rows = {row.nick: row for row in (msgspec.json.decode(row, type=TraceRow) for row in rest)}
    assert (rows["ann"].state, rows["ann"].cursor) == ("handed", 63)
    assert (rows["ben"].state, rows["ben"].unsent > 0) == ("takes nothing", True)
    assert rows["cem"].state == "away"
    assert do(site, c.AskTrace(room="#a", seq=64)).code == "no-such-event"
    for room in ("#b", "@ann"):
        end = do(site, c.AskTrace(room=room, seq=1))
        assert (end.code, f"no room {room};" in end.text) == ("no-such-room", True)


def test_lives_fit_and_their_reasons_are_explained():
    life = Life(
        connection=12,
        address="[2001:db8::1]:50412",
        began=1_795_000_000_000,
        duration=61.5,
        resume="resumed",
        reason="silent",
        nick="ann",
        trips=[(0.0, 0.02), (10.0, 2.5), (20.0, 0.1)],
        missed=3,
        lag=17,
        refusals={"too-fast": 4},
        software="chatc/0.1.0",
    )
    for width in (80, 120):
        lines = list(told([life, life], width, "12"))
        assert max(map(cells, lines[:3])) <= width
        assert lines[4] == "silent: nothing was received for the agreed limit"
        assert "20/2500/100 ms" in lines[1]
        assert {"nick", "conn", "ann", "12"} <= {*lines[0].split(), *lines[1].split()}
    others = [life, msgspec.structs.replace(life, nick="a" * 30, connection=123_456, relay="192.0.2.77")]
    assert "aaaaaaa" in list(told(others, 80, "ann"))[2]
    assert "4 too-fast" in next(iter(list(table(LIVES, [life], None))[1:]))
    short = msgspec.structs.replace(life, trips=life.trips[:1], refusals={"no-such-room": 1})
    assert "1 no-such…" in list(told([short], 80, "192.0.2.7"))[1]
    head, row, *_, codes = told([msgspec.structs.replace(life, address="192.0.2.7:1", lag=0)], 80, "@Ann")
    assert "nick" not in head
    assert ("4 too-fast" in row, codes.split()[1]) == (True, "too-fast;")


def test_a_code_is_not_parted_at_its_hyphen():
    assert wrapped("codes: bad-password, no-such-room", 30) == ["codes: bad-password,", "no-such-room"]
