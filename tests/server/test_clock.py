"""The wall clock steps, and nobody is hurt: times in a room never go back, also after a restart (P7)."""

import hashlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd.ops.settings import Config, FilesConfig, RetentionConfig, SessionConfig
from chatd.testing import Playground
from chatd.testing.playground import START_OF_TIME
from chatd.wire import messages as m
from chatd.wire.check import check_of
from chatd.wire.frames import FrameType, chunk, frame
from tests.examples import examples
from tests.helpers import come_in, restart, sends

DAY = 86_400


class Stepping(Playground):
    """A playground whose wall clock can be stepped, by ``step`` seconds."""

    step = 0

    def wall(self):
        return super().wall() + round(self.step * 1000)


@pytest.fixture
def playground():
    playground = Stepping()
    playground.start_server()
    return playground


@pytest.mark.parametrize("restarted", [False, True])
def test_times_never_go_back(playground, restarted):
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", "one"))
    before = ann.of(m.Event)[-1].ts
    playground.step = -DAY
    if restarted:
        restart(playground)
    ben = come_in(playground, "ben", m.Join(id=1, room="#a", after=0), *sends("#a", "two"))
    assert [event.ts >= before for event in ben.of(m.Event)[-2:]] == [True, True]
    assert [ok.ts for ok in ben.of(m.Ok) if ok.ts] == [before]


@pytest.fixture
def emptied(playground):
    """Return a playground in which retention has removed every event of #a, and the time of the last."""
    playground = Stepping(Config(retention=RetentionConfig(days=1)))
    playground.start_server()
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", "one", "two"))
    last = ann.of(m.Event)[-1]
    ann.transport.loseConnection()
    days(playground, 1.5)
    room = playground.server.hub.world.rooms["#a"]
    assert room.log.first == room.log.head + 1 == last.seq + 1
    return playground, last


@pytest.mark.parametrize("restarts", [0, 1, 2])
def test_times_never_go_back_though_no_event_is_left(emptied, restarts):
    playground, last = emptied
    playground.step = -1.6 * DAY
    for _ in range(restarts):
        restart(playground)
    ben = come_in(playground, "ben", m.Join(id=1, room="#a"), *sends("#a", "three"))
    said = ben.of(m.Event)[-1]
    assert (said.text, said.seq > last.seq, said.ts >= last.ts) == ("three", True, True)


def test_the_history_of_an_emptied_log_is_known_after_a_restart(emptied):
    """Whoever has seen the last event that was removed is told of no older copy; who saw another one is."""
    playground, last = emptied
    restart(playground)
    log = playground.server.hub.world.rooms["#a"].log
    assert log.check(last.seq) == check_of(msgspec.json.encode(last))


# ---- sessions -------------------------------------------------------------------------------------------


@pytest.fixture
def expiring():
    playground = Stepping(Config(session=SessionConfig(expire_days=2)))
    playground.start_server()
    return playground


def come_and_go(playground, nick):
    """Return the token of somebody who was here."""
    talker = come_in(playground, nick, m.Join(id=1, room="#a"))
    talker.transport.loseConnection()
    playground.advance(1)
    return talker.of(m.Welcome)[0].token


def known(playground, token):
    talker = come_in(playground, token=token)
    found = bool(talker.of(m.Welcome))
    talker.transport.loseConnection()
    playground.advance(1)
    return found


def days(playground, count):
    playground.advance(count * DAY, step=300)


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("step", [40 * DAY, -40 * DAY])
def test_a_step_ends_no_session(expiring, step, restarted):
    token = come_and_go(expiring, "ann")
    expiring.step = step
    if restarted:
        restart(expiring)
    days(expiring, 1)
    assert known(expiring, token)


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("step", [40 * DAY, -40 * DAY, 0])
def test_a_session_ends_when_it_was_away_for_long_whatever_the_clock_says(expiring, step, restarted, said):
    come_in(expiring, "somebody else")
    come_in(expiring, "ben")
    token = come_and_go(expiring, "ann")
    days(expiring, 1)
    expiring.step = step
    if restarted:
        restart(expiring)
    days(expiring, 1.5)
    assert not known(expiring, token)
    assert [fields["nick"] for fields in said("session-expired")] == ["ann"]


def test_a_clock_that_is_set_right_again_ends_no_session(expiring):
    expiring.step = -3000 * DAY
    token = come_and_go(expiring, "ann")
    days(expiring, 0.5)
    expiring.step = 0
    days(expiring, 0.5)
    assert known(expiring, token)
    expiring.step = 3000 * DAY
    other = come_and_go(expiring, "ben")
    expiring.step = 0
    days(expiring, 1)
    assert known(expiring, token)
    assert known(expiring, other)


def test_a_daemon_that_was_down_for_long_lets_everybody_come_back(expiring):
    token = come_and_go(expiring, "ann")
    expiring.crash_server()
    days(expiring, 100)
    expiring.start_server()
    days(expiring, 0.1)
    assert known(expiring, token)


# ---- retention ------------------------------------------------------------------------------------------


@pytest.fixture
def keeping(tmp_path):
    """Return a playground that keeps events for 30 days and files as long, that is not started."""
    files = FilesConfig(partial_days=7, keep_days=30)
    config = Config(retention=RetentionConfig(days=30), session=SessionConfig(expire_days=300), files=files)
    return Stepping(config, folder=tmp_path)


def log_of(playground, room="#a"):
    return playground.server.hub.world.rooms[room].log


def live(playground, seconds):
    """Start the daemon, let it live for so long, and stop it as SIGKILL does."""
    playground.start_server()
    playground.advance(seconds, step=1)
    playground.crash_server()


def contents(playground):
    return sorted(path.name for path in playground.folder.rglob("*") if len(path.name) == 64)


def test_a_step_cuts_no_log():
    playground = Stepping(Config(retention=RetentionConfig(days=2)))
    playground.start_server()
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", "one"))
    log = log_of(playground)
    playground.step = 40 * DAY
    days(playground, 1)
    assert log.first == 1
    playground.step = 0
    days(playground, 1.5)
    assert log.first == 3
    assert ann.lost is None


def test_three_seconds_with_the_clock_a_month_ahead_remove_nothing(keeping, said):
    keeping.start_server()
    ada = come_in(keeping, "ada", m.Join(id=1, room="#a"), *sends("#a", "one", "two", "three"))
    content, brought = b"x" * 5000, b"y" * 5000
    ada_put(keeping, ada, content, n=4)
    ada_put(keeping, ada, brought)
    keeping.advance(3600, step=10)
    keeping.crash_server()
    keeping.step = 31 * DAY
    live(keeping, 3)
    assert [fields["ahead"] for fields in said("clock-far", "warn")] == [pytest.approx(31 * DAY, abs=600)]
    keeping.step = 0
    live(keeping, 3)
    assert len(said("clock-far", "warn")) == 2  # now it is behind the latest time known
    keeping.start_server()
    keeping.advance(60, step=1)
    back = come_in(keeping, "ben", m.Join(id=1, room="#a", after=0))
    assert back.texts() == ["one", "two", "three"]
    assert contents(keeping) == sorted(hashlib.sha256(each).hexdigest() for each in (content, brought))
    assert not said("trimmed") + said("files-expired") + said("file-removed")
    assert len(said("clock-far")) == 2


def ada_put(playground, ada, content, n=0):
    """Upload ``content``, and post it as send ``n`` if one is given."""
    digest = hashlib.sha256(content).hexdigest()
    transfer = len(ada.of(m.Ok)) + 50
    ada.say(m.Upload(id=transfer, transfer=transfer, size=len(content), sha256=digest))
    playground.advance(0.2)
    ada.transport.write(chunk(transfer, 0, content))
    playground.advance(0.5)
    if n:
        file = m.File(name="f", size=len(content), sha256=digest, media="text/plain")
        ada.say(m.Send(id=transfer + 1, n=n, room="#a", text="", file=file))
        playground.advance(0.1)
    return transfer, digest


def test_what_was_written_while_the_clock_stood_at_1970_stays_when_it_is_set(keeping, said):
    keeping.step = -START_OF_TIME / 1000
    keeping.start_server()
    ada = come_in(keeping, "ada", m.Join(id=1, room="#a"), *sends("#a", "one", "two"))
    assert ada.of(m.Event)[-1].ts < 10_000
    keeping.advance(600, step=1)
    keeping.crash_server()
    keeping.step = 0
    keeping.start_server()
    assert [fields["ahead"] > 1e9 for fields in said("clock-far", "warn")] == [True]
    keeping.advance(300, step=1)
    ben = come_in(keeping, "ben", m.Join(id=1, room="#a", after=0), *sends("#a", "three"))
    assert ben.texts() == ["one", "two", "three"]
    assert ben.of(m.Event)[-1].ts >= START_OF_TIME
    assert not ben.of(m.Gap)
    assert not said("trimmed")


@pytest.mark.slow  # it works for a second
def test_days_are_counted_while_the_daemon_runs_and_what_is_removed_is_logged(keeping, said):
    keeping.start_server()
    ada = come_in(keeping, "ada", m.Join(id=1, room="#a"), *sends("#a", "one", "two"))
    _, digest = ada_put(keeping, ada, b"x" * 5000, n=3)
    _, unposted = ada_put(keeping, ada, b"y" * 5000)
    ada.transport.loseConnection()
    for _ in range(5):
        days(keeping, 1)
        keeping.crash_server()
        keeping.clock.advance(100 * DAY)
        keeping.start_server()
    assert log_of(keeping).first == 1
    assert contents(keeping) == sorted([digest, unposted])
    days(keeping, 3)
    assert contents(keeping) == [digest]
    days(keeping, 21)
    assert log_of(keeping).first == 1
    days(keeping, 2)
    assert log_of(keeping).first == log_of(keeping).head + 1
    assert said("trimmed") == [{"room": "#a", "first": 1, "last": 4, "count": 4}]
    assert [(each["sha256"], each["size"]) for each in said("file-removed")] == [
        (unposted[:12], 5000),
        (digest[:12], 5000),
    ]


def test_a_minute_with_the_clock_years_ahead_leaves_no_wrong_times(playground):
    playground.step = 3000 * DAY
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", "one"))
    playground.step = 0
    ann.say(*sends("#a", "two", n=2))
    playground.advance()
    assert ann.of(m.Event)[-1].ts == playground.wall()
    playground.step = -DAY / 2
    ann.say(*sends("#a", "three", n=3))
    playground.advance()
    assert ann.of(m.Event)[-1].ts == ann.of(m.Event)[-2].ts


def test_a_clock_that_is_set_while_the_daemon_runs_is_told_of_once(playground, said):
    playground.advance(120, step=1)
    assert not said("clock-far")
    playground.step = 31 * DAY
    playground.advance(600, step=1)
    assert [fields["ahead"] for fields in said("clock-far", "warn")] == [pytest.approx(31 * DAY, abs=61)]
    playground.step = 31 * DAY - 1800  # summer time of a clock that keeps local time is not far
    playground.advance(600, step=1)
    playground.step = 0
    playground.advance(600, step=1)
    assert [fields["ahead"] < 0 for fields in said("clock-far", "warn")] == [False, True]


@pytest.mark.parametrize("step", [3600, -3600, 3700, -3700])
def test_an_hour_either_way_condemns_nobody_and_is_told(playground, said, step):
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    ben = come_in(playground, "ben", m.Join(id=1, room="#a"))
    for number, playground.step in enumerate((0, step, 0), 1):
        ann.say(*sends("#a", str(playground.step), n=number))
        for _ in range(12):
            playground.advance(10, step=1)
            ann.transport.write(frame(FrameType.PONG, b""))
            ben.transport.write(frame(FrameType.PONG, b""))
    assert ben.texts() == ["0", str(step), "0"]
    assert [ok.id for ok in ann.of(m.Ok)][1:] == sorted(ok.id for ok in ann.of(m.Ok))[1:]
    assert ann.lost is None
    assert ben.lost is None
    assert not said("reaped")
    assert len(said("clock-step") + said("clock-far")) == 2
    assert playground.server.counters.clock_steps == 2


def test_a_weekend_of_rest_is_no_wrong_clock(playground, said):
    come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", "one"))
    playground.advance(60, step=1)
    playground.crash_server()
    playground.clock.advance(3 * DAY)
    playground.start_server()
    playground.advance(60, step=1)
    assert not said("clock-far")


# ---- whatever the clock does ----------------------------------------------------------------------------

HOUR = 3600

courses = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(1, 4)),
        st.tuples(st.just("live"), st.integers(1, 30)),
        st.tuples(st.just("set the clock"), st.integers(-20_000, 20_000)),
        st.tuples(st.just("start again"), st.integers(0, 20_000)),
    ),
    max_size=12,
)


@pytest.mark.slow  # it works for a second
@settings(max_examples=examples(25), deadline=None)
@given(courses)
def test_nothing_younger_than_its_days_lived_is_removed_and_everything_older_in_the_end(course):
    """Numbers are hours: lived ones, those by which the clock is wrong, and those of a downtime."""
    term = 24
    playground = Stepping(Config(retention=RetentionConfig(days=1), session=SessionConfig(expire_days=300)))
    playground.start_server()
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    token = ann.of(m.Welcome)[0].token
    born, lived, n = [0.0], 0.0, 0

    def check():
        log = log_of(playground)
        assert log.last == len(born)
        assert all(lived - at >= term - 0.01 for at in born[: log.first - 1])

    for what, count in course:
        if what == "say":
            ann.say(*sends("#a", *["x"] * count, n=n + 1))
            n += count
            born += [lived] * count
            playground.advance(0.1)
        elif what == "live":
            for _ in range(count):
                playground.advance(HOUR, step=300)
                lived += 1
                check()
        elif what == "set the clock":
            playground.step = count * HOUR
        else:
            playground.crash_server()
            playground.clock.advance(count * HOUR)
            playground.start_server()
            playground.advance(1)
            ann = come_in(playground, token=token)
        check()
    playground.advance((term + 2) * HOUR, step=300)
    assert log_of(playground).first == len(born) + 1
