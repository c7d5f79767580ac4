"""Fresh attempts beside silent ones, with a fake clock."""

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.task import Clock

from chatd.client.net.insistent import FRESH, InsistentEndpoint


class Silent:
    """An endpoint whose attempts end when the test says so."""

    def __init__(self, attempts):
        self.attempts = attempts

    def connect(self, factory):
        attempt = Deferred()
        attempt.cancelled = False
        attempt.factory = factory
        attempt._canceller = lambda d: setattr(d, "cancelled", True)
        self.attempts.append(attempt)
        return attempt


@pytest.fixture
def trial():
    clock, attempts = Clock(), []
    outcome = InsistentEndpoint(lambda: Silent(attempts), clock).connect(None)
    results = []
    outcome.addBoth(results.append)
    return clock, attempts, outcome, results


def test_a_fresh_attempt_is_made_beside_a_silent_one(trial):
    clock, attempts, _, results = trial
    clock.advance(FRESH - 0.1)
    assert len(attempts) == 1
    clock.advance(0.2)
    assert len(attempts) == 2
    assert not results


def test_the_first_to_connect_wins_and_the_others_are_given_up(trial):
    clock, attempts, _, results = trial
    clock.advance(FRESH)
    clock.advance(FRESH)
    attempts[1].callback("protocol")
    assert results == ["protocol"]
    assert [attempt.cancelled for attempt in attempts] == [True, False, True]
    clock.advance(10)
    assert len(attempts) == 3


def test_an_answer_that_is_an_error_ends_all(trial):
    clock, attempts, _, results = trial
    clock.advance(FRESH)
    attempts[0].errback(Refused())
    assert results[0].check(Refused)
    assert attempts[1].cancelled
    assert not clock.getDelayedCalls()


def test_giving_up_gives_up_every_attempt(trial):
    clock, attempts, outcome, results = trial
    clock.advance(FRESH)
    outcome.cancel()
    assert all(attempt.cancelled for attempt in attempts)
    assert results[0].check(CancelledError)
    assert not clock.getDelayedCalls()
