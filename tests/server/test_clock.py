"""The wall clock steps, and nobody is hurt: times in a room never go back, also after a restart (P7)."""

import pytest

from chatd.ops.settings import Config, RetentionConfig, SessionConfig
from chatd.testing import Playground
from chatd.wire import messages as m
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
    playground.advance(count * DAY, step=60)


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
def test_a_session_ends_when_it_was_away_for_long_whatever_the_clock_says(expiring, step, restarted):
    come_in(expiring, "somebody else")
    come_in(expiring, "ben")
    token = come_and_go(expiring, "ann")
    days(expiring, 1)
    expiring.step = step
    if restarted:
        restart(expiring)
    days(expiring, 1.5)
    assert not known(expiring, token)


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


def test_a_step_cuts_no_log():
    playground = Stepping(Config(retention=RetentionConfig(days=2)))
    playground.start_server()
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", "one"))
    log = playground.desk.hub.world.rooms["#a"].log
    playground.step = 40 * DAY
    days(playground, 1)
    assert log.first == 1
    playground.step = 0
    days(playground, 1.5)
    assert log.first == 3
    assert ann.lost is None
