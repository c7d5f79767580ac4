"""Passwords: argon2id elsewhere than on the reactor, bounded, and the same work whoever is asked for."""

import threading
import time

import pytest
from argon2 import PasswordHasher, extract_parameters
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from chatd.server.passwords import OWASP, PER_NETWORK, QUEUE, Passwords, Verdict
from chatd.testing.files import ClockWorkers
from chatd.wire.errors import Code, RequestError
from chatd.wire.passwords import prepare

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Pool:
    """Passwords with workers that run when they are told to."""

    def __init__(self, hasher=CHEAP):
        self.clock = Clock()
        self.workers = ClockWorkers(self.clock)
        self.passwords = Passwords(self.workers, self.clock, hasher)

    def run(self, deferred):
        got = []
        deferred.addBoth(got.append)
        self.clock.advance(0)
        return got[0]

    def make(self, password):
        return self.run(self.passwords.make(password, "here")).encoded

    def check(self, encoded, password):
        return self.run(self.passwords.check(encoded, password, "here"))


def test_the_parameters_are_those_of_owasp():
    encoded = OWASP.hash("x")
    assert encoded.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    dummy = Passwords(None, None)._nobody
    assert extract_parameters(dummy) == extract_parameters(encoded)
    assert len(dummy) == len(encoded)


def test_right_and_wrong():
    pool = Pool()
    encoded = pool.make("correct horse")
    assert pool.check(encoded, "correct horse") == Verdict(True)
    assert pool.check(encoded, "correct hors") == Verdict(False)
    assert pool.check("", "correct horse") == Verdict(False)
    assert pool.check("not a hash", "correct horse") == Verdict(False)


def test_however_it_was_typed_it_is_the_same():
    pool = Pool()
    encoded = pool.make("cafe\u0301 au\u00a0lait")
    assert pool.check(encoded, "caf\u00e9 au lait").right
    assert not pool.check(encoded, "Caf\u00e9 au lait").right


@given(st.text())
def test_what_is_prepared_stays_so(text):
    assert prepare(prepare(text)) == prepare(text)


def test_a_hash_of_other_parameters_is_renewed_when_it_was_right():
    pool = Pool()
    old = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash("correct horse")
    renewed = pool.check(old, "correct horse").renewed
    assert pool.check(renewed, "correct horse") == Verdict(True)
    assert pool.check(old, "something else") == Verdict(False)


@pytest.mark.parametrize("password", ["", "1234567", "x" * 513, "with\x00zero", "line\nbreaks"])
def test_what_is_no_password(password):
    with pytest.raises(RequestError) as caught:
        Pool().passwords.make(password, "here")
    assert caught.value.code == Code.BAD_PASSWORD


def test_a_bounded_number_is_under_way_of_all_and_of_each_address():
    pool = Pool()
    waiting = [pool.passwords.check("", "x", f"10.0.0.{n // PER_NETWORK}") for n in range(QUEUE)]
    for network in ("10.0.0.0", "10.0.9.9"):
        with pytest.raises(RequestError) as caught:
            pool.passwords.check("", "x", network)
        assert caught.value.code == Code.TOO_FAST
        assert caught.value.retry_after >= 1
    assert len(pool.passwords) == QUEUE
    pool.clock.advance(0)
    assert len(pool.passwords) == 0
    assert all(deferred.called for deferred in waiting)
    for _ in range(PER_NETWORK):
        pool.passwords.check("", "x", "10.0.0.1")
    with pytest.raises(RequestError):
        pool.passwords.check("", "x", "10.0.0.1")
    pool.passwords.check("", "x", "10.0.0.2")


def test_hashing_leaves_the_interpreter_to_others():
    """While a thread hashes, this one goes on: argon2 does not hold the interpreter's lock."""
    hasher = PasswordHasher(time_cost=8, memory_cost=65_536, parallelism=1)
    thread = threading.Thread(target=hasher.hash, args=("correct horse",))
    thread.start()
    turns = 0
    while thread.is_alive():
        time.sleep(0.001)
        turns += 1
    assert turns > 20
