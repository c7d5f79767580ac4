"""Passwords: hashes and checks them in threads of their own, so that the reactor never waits for it.

Argon2id with OWASP's parameters (19 MiB, two passes) takes some 30 ms of a processor. The queue is bounded:
what does not fit is refused at once, with a moment at which to try again.
"""

import os
from base64 import b64encode
from typing import Any, Final, NamedTuple

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from twisted.internet.defer import Deferred

from chatd.chat.quota import Slots
from chatd.clock import Clock
from chatd.files.strand import Workers, work
from chatd.wire import scram
from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MIN_PASSWORD
from chatd.wire.passwords import check_new, prepare

OWASP: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
"""The parameters of new hashes (OWASP's Password Storage Cheat Sheet)."""

THREADS: Final = 1 if (os.cpu_count() or 1) <= 2 else 2  # noqa: PLR2004 - one processor is left to the reactor
"""Threads that hash: each takes a processor and 19 MiB while it does."""

QUEUE: Final = 32
"""Passwords that wait or are being hashed at once: about a second of one processor."""

PER_NETWORK: Final = 4
"""How many of these one address may have, so that it does not keep others out."""

PER_SECOND: Final = 25
"""Clients that are asked to try again in the same second, about as many as can be served."""


class Verdict(NamedTuple):
    """Whether a password was right; ``renewed`` is a new hash, if the old one has other parameters.

    ``scram`` is what it is verified by over SCRAM, if that was wanted.
    """

    right: bool
    renewed: str = ""
    scram: str = ""


class Made(NamedTuple):
    """What is kept of a new password: its hash, and what it is verified by over SCRAM, if that was wanted."""

    encoded: str
    scram: str = ""


class Passwords:
    """Hashes and checks passwords by ``hasher`` in ``workers``, a bounded number at once."""

    def __init__(self, workers: Workers, clock: Clock, hasher: PasswordHasher = OWASP) -> None:
        self._workers = workers
        self._clock = clock
        self._hasher = hasher
        self._nobody = _nobodys_hash(hasher)
        self._slots = Slots(1 / PER_SECOND)
        self._busy: dict[str, int] = {}

    def __len__(self) -> int:
        """Return how many passwords wait or are being hashed."""
        return sum(self._busy.values())

    def check(self, encoded: str, password: str, network: str, salt: bytes = b"") -> "Deferred[Verdict]":
        """Return whether ``password`` is that of the hash ``encoded``; the same work if there is none.

        With a ``salt`` what it is verified by over SCRAM is made, if it is right. Raises `RequestError`
        ``too-fast`` if too many of ``network`` or of all are under way.
        """
        return self._work(network, lambda: self._verify(encoded, password, salt))

    def make(
        self, password: str, network: str, salt: bytes = b"", least: int = MIN_PASSWORD
    ) -> "Deferred[Made]":
        """Return what is kept of ``password``; with a ``salt`` also what it is verified by over SCRAM.

        ``least`` is how many characters it has at least. Raises `RequestError` ``too-fast`` or
        ``bad-password``.
        """
        check_new(password, least)
        return self._work(network, lambda: Made(self._hasher.hash(prepare(password)), _scram(password, salt)))

    def _verify(self, encoded: str, password: str, salt: bytes) -> Verdict:
        prepared = prepare(password)
        try:
            self._hasher.verify(encoded or self._nobody, prepared)
        except (VerificationError, InvalidHashError):
            return Verdict(False)
        old = self._hasher.check_needs_rehash(encoded)
        return Verdict(True, self._hasher.hash(prepared) if old else "", _scram(password, salt))

    def _work(self, network: str, job: Any) -> "Deferred[Any]":
        mine = self._busy.get(network, 0)
        if len(self) >= QUEUE or mine >= PER_NETWORK:
            wait = self._slots.take(self._clock.seconds())
            raise RequestError(
                Code.TOO_FAST,
                "Too many passwords are being checked now; try again in a moment.",
                retry_after=round(wait, 3),
            )
        self._busy[network] = mine + 1
        done: Deferred[Any] = work(self._workers, job)
        return done.addBoth(self._done, network)

    def _done(self, result: Any, network: str) -> Any:
        self._busy[network] -= 1
        if not self._busy[network]:
            del self._busy[network]
        return result


def _scram(password: str, salt: bytes) -> str:
    return scram.make(password, salt).encode() if salt else ""


def _nobodys_hash(hasher: PasswordHasher) -> str:
    """Return a hash that costs as much to check as any new one, and that is of no password."""
    salt, value = (
        b64encode(os.urandom(size)).rstrip(b"=").decode() for size in (hasher.salt_len, hasher.hash_len)
    )
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${value}"
