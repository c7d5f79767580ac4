"""Strangers who guess keep nobody out who comes from where the account was logged in to before."""

import pytest
from twisted.internet.defer import Deferred

from chatd.chat import accounts, certificates, places
from chatd.server.auth.credentials import Certificate, IEntry, Login, Password, Registration
from chatd.server.auth.gatekeeper import MOST_PER_ACCOUNT
from chatd.testing import Playground
from chatd.wire.errors import Code, RequestError
from tests.helpers import come_in, restart

PASSWORD = "correct horse"
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"


class Scene:
    """A daemon with Ann's account, which she has made from home."""

    def __init__(self):
        self.playground = Playground()
        self.playground.start_server()
        self.agree("open")
        self.number = 0
        assert self.enter(Registration("ann", PASSWORD, HOME, self.token(), "")) == "in"

    @property
    def world(self):
        return self.playground.server.hub.world

    @property
    def user(self):
        return self.world.nicks["ann"]

    def agree(self, registration):
        terms = self.world.terms
        self.world.terms = type(terms)(terms.quota, show_addresses=False, registration=registration)

    def token(self):
        self.number += 1
        return f"token {self.number}"

    def outcome(self, deferred, enter=True):
        found = []
        deferred.addCallbacks(found.append, lambda failure: found.append(failure.value))
        self.playground.advance()
        (result,) = found
        if isinstance(result, Exception):
            return result
        if enter:
            session = result[1]()
            self.playground.server.hub.change()
            self.playground.advance()
            self.last = session
        return "in"

    def enter(self, credentials):
        return self.outcome(self.playground.server.doors.portal.login(credentials, None, IEntry))

    def log_in(self, host, password=PASSWORD):
        return self.enter(Login("ann", password, host, self.token()))

    def forget_sessions(self):
        for session in list(self.user.sessions):
            self.world.end_session(session)
        self.playground.server.hub.change()
        self.playground.advance()

    def besiege(self, *hosts, rounds=12):
        """Guess as often as it is let, from ``hosts`` in turn; return how many guesses were looked at."""
        looked = 0
        for number in range(rounds):
            error = self.log_in(hosts[number % len(hosts)], f"guess {number}")
            looked += error.code == Code.WRONG_PASSWORD
            if error.retry_after:
                self.playground.advance(error.retry_after + 0.1)
        while self.log_in(hosts[0], "the last guess").code != Code.WRONG_PASSWORD:
            self.playground.advance(1)
        return looked + 1


@pytest.fixture
def scene():
    return Scene()


def attackers(count):
    return [f"203.0.113.{number}" for number in range(1, count + 1)]


def test_guesses_from_elsewhere_do_not_delay_who_comes_from_home(scene):
    scene.forget_sessions()
    scene.besiege(*attackers(40), rounds=40)
    stranger = scene.log_in(ELSEWHERE)
    assert (stranger.code, stranger.retry_after > MOST_PER_ACCOUNT / 2) == (Code.TOO_FAST, True)
    assert scene.log_in(HOME) == "in"
    assert scene.log_in(HOME, "mistyped").code == Code.WRONG_PASSWORD
    assert scene.log_in(HOME) == "in"


def test_it_is_kept_over_a_restart(scene):
    scene.forget_sessions()
    restart(scene.playground)
    assert set(scene.user.places) == {HOME}
    scene.besiege(*attackers(9))
    assert scene.log_in(HOME) == "in"


@pytest.mark.slow  # it works for a second
def test_guesses_from_home_are_bounded_as_well(scene):
    """Whoever sits there, or behind the same address, is no freer than a stranger."""
    begun = scene.playground.clock.seconds()
    looked = scene.besiege(HOME, rounds=40)
    took = scene.playground.clock.seconds() - begun
    assert looked <= 3 + 5 + took / MOST_PER_ACCOUNT
    assert scene.log_in(HOME).code == Code.TOO_FAST
    assert scene.log_in(ELSEWHERE) == "in"


def test_guesses_from_everywhere_are_few_in_all(scene):
    scene.forget_sessions()
    begun = scene.playground.clock.seconds()
    looked = scene.besiege(*attackers(200), rounds=200)
    took = scene.playground.clock.seconds() - begun
    assert looked <= 3 + 5 + took / MOST_PER_ACCOUNT


def test_one_ipv6_network_is_one_place(scene):
    assert scene.log_in("2001:db8::1") == "in"
    scene.forget_sessions()
    scene.besiege(*attackers(9))
    assert scene.log_in("2001:db8::ffff:2") == "in"
    assert scene.log_in("2001:db8:0:1::1").code == Code.TOO_FAST


def test_where_a_session_of_the_account_is_counts_too(scene):
    scene.world.change(scene.last.row()._replace(seen=7, address=ELSEWHERE))
    scene.besiege(*attackers(9))
    assert scene.log_in(ELSEWHERE) == "in"


def test_who_is_wrong_makes_no_place_known(scene):
    scene.log_in(ELSEWHERE, "wrong horse")
    assert set(scene.user.places) == {HOME}


def test_a_certificate_makes_its_place_known(scene):
    certificates.add(scene.world, scene.user, "f" * 64, "", 7)
    assert scene.enter(Certificate("ann", "f" * 64, ELSEWHERE, scene.token())) == "in"
    assert set(scene.user.places) == {HOME, ELSEWHERE}


def test_the_latest_places_are_kept_and_no_more(scene):
    for number in range(places.MOST + 3):
        scene.playground.advance(1)
        scene.playground.server.hub.world.calendar.now += 1000
        places.note(scene.world, scene.user, f"192.0.2.{number % 250 + 10}")
    assert len(scene.user.places) == places.MOST
    assert HOME not in scene.user.places
    assert f"192.0.2.{places.MOST + 12}" in scene.user.places


def test_a_deleted_account_leaves_no_places(scene):
    accounts.delete(scene.world, scene.user, 8)
    assert not scene.user.places


def test_a_guest_has_no_places(scene):
    come_in(scene.playground, "ben")
    places.note(scene.world, scene.world.nicks["ben"], HOME)
    assert not scene.world.nicks["ben"].places


def test_passwords_in_requests_are_counted_alike(scene):
    def ask(host, password):
        asked = Deferred.fromCoroutine(
            scene.playground.server.doors.gatekeeper.ask(Password("ann", password, host))
        )
        return scene.outcome(asked, enter=False)

    scene.forget_sessions()
    scene.besiege(*attackers(9))
    refused = ask(ELSEWHERE, PASSWORD)
    assert isinstance(refused, RequestError)
    assert refused.code == Code.TOO_FAST
    assert ask(HOME, PASSWORD) == "in"
