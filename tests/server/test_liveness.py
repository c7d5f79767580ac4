"""Liveness: who is judged, by what, and that nobody is by what was not read."""

import pytest

from chatd.server.liveness import Liveness, Traffic
from chatd.wire.heartbeat import Heartbeat, Verdict

ALIVE, PING, DEAD = Verdict.ALIVE, Verdict.PING, Verdict.DEAD
STILL = Traffic(0, 0, 0)


@pytest.fixture
def liveness():
    return Liveness(Heartbeat(5.0, 3, 0.0), 0.0)


def unasked():
    """Stand for the system, which is not to be asked."""
    pytest.fail("The system was asked for nothing.")


def test_a_silent_peer_is_pinged_and_then_dead(liveness):
    assert liveness.check(unasked, 4.0) is ALIVE
    assert liveness.check(lambda: STILL, 5.0) is PING
    assert liveness.check(lambda: STILL, 14.9) is PING
    assert liveness.check(lambda: STILL, 15.0) is DEAD


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (Traffic(100, 1000, 0), Traffic(50, 1050, 0), ALIVE),
        (Traffic(100, 1000, 0), Traffic(0, 1100, 0), DEAD),
        (Traffic(100, 1000, 0), Traffic(200, 1000, 0), DEAD),
        (Traffic(0, 1000, 7), Traffic(0, 1000, 8), ALIVE),
        (Traffic(0, 1000, 7), Traffic(0, 1000, 7), DEAD),
    ],
    ids=["takes a backlog", "has taken it all", "takes nothing", "sends beyond a gap", "sends nothing"],
)
def test_whose_bytes_move_is_not_dead(liveness, before, after, verdict):
    liveness.check(lambda: before, 14.0)
    assert liveness.check(lambda: after, 15.0) is verdict
    assert liveness.check(lambda: after, 16.0) is DEAD


def test_who_moves_is_pinged_all_the_same(liveness):
    assert liveness.check(lambda: Traffic(0, 0, 1), 5.0) is PING


def test_who_is_not_listened_to_is_not_judged_but_pinged(liveness):
    liveness.listen(False, 1.0)
    verdicts = [liveness.check(unasked, float(now)) for now in range(2, 100)]
    assert set(verdicts) == {ALIVE, PING}
    liveness.listen(True, 100.0)
    assert liveness.check(lambda: STILL, 114.9) is PING
    assert liveness.check(lambda: STILL, 115.0) is DEAD


def test_listening_again_begins_the_silence_anew(liveness):
    liveness.listen(False, 10.0)
    liveness.listen(True, 14.0)
    assert liveness.heartbeat.silence(14.0) == 0.0


def test_a_look_says_when_the_next_is_due(liveness):
    assert liveness.due == 0.0
    liveness.heartbeat.heard(3.0)
    liveness.heartbeat.said(2.0)
    liveness.check(unasked, 3.0)
    assert liveness.due == 7.0


def test_a_silent_peer_is_looked_at_only_when_it_is_pinged_or_given_up(liveness):
    looks = []
    now = 5.0
    while liveness.check(lambda: STILL, now) is not DEAD:
        looks.append(now)
        now = liveness.due
    assert looks == [5.0, 10.0]
    assert now == 15.0


def test_a_silent_peer_whose_bytes_move_is_looked_at_once_in_an_interval(liveness):
    came = iter(range(1, 100))
    now, looks = 5.0, 0
    while now < 105.0:
        assert liveness.check(lambda: Traffic(0, 0, next(came)), now) is not DEAD
        assert liveness.due > now
        now, looks = liveness.due, looks + 1
    assert looks <= 21
    assert liveness.check(lambda: STILL._replace(came=looks), now) is DEAD


def test_who_takes_nothing_is_stuck_after_the_limit(liveness):
    liveness.listen(False, 10.0)
    assert not liveness.stuck(Traffic(50, 100, 3), 20.0, 30.0)
    assert not liveness.stuck(Traffic(50, 100, 3), 49.9, 30.0)
    assert liveness.stuck(Traffic(50, 100, 3), 50.0, 30.0)


@pytest.mark.parametrize("later", [Traffic(49, 101, 3), Traffic(50, 100, 4)], ids=["takes", "sends"])
def test_who_takes_or_sends_a_byte_is_not_stuck(liveness, later):
    liveness.listen(False, 10.0)
    liveness.stuck(Traffic(50, 100, 3), 20.0, 30.0)
    assert not liveness.stuck(later, 49.0, 30.0)
    assert not liveness.stuck(later, 78.9, 30.0)
    assert liveness.stuck(later, 79.0, 30.0)


def test_the_hello_is_waited_for_from_the_beginning_and_the_end_from_the_last_word(liveness):
    assert liveness.waited(4.0) == 4.0
    liveness.ending(60.0)
    assert liveness.waited(61.0) == 1.0


def test_forgiveness_begins_every_count_anew(liveness):
    liveness.stuck(Traffic(50, 100, 3), 1.0, 30.0)
    liveness.forgive(100.0)
    assert liveness.waited(100.0) == 0.0
    assert not liveness.stuck(Traffic(50, 100, 3), 129.0, 30.0)
    assert liveness.check(lambda: Traffic(50, 100, 3), 114.9) is PING
    assert liveness.check(lambda: Traffic(50, 100, 3), 115.0) is DEAD


def test_who_was_heard_of_needs_no_look_unless_there_is_another_reason(liveness):
    liveness.heartbeat.heard(3.0)
    liveness.heartbeat.said(3.0)
    assert not liveness.quiet(5.0)
    liveness.hasty = False
    assert liveness.quiet(5.0)
    assert liveness.due == 8.0
    assert not liveness.quiet(8.0)
    liveness.listen(False, 6.0)
    assert not liveness.quiet(6.0)
