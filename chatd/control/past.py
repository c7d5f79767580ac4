"""The past: lives of connections that are over, kept across restarts, and found again for ``explain``."""

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Any, Protocol

import msgspec
from twisted.internet.defer import Deferred

from chatd.server.addresses import network_of
from chatd.server.life import Life
from chatd.wire.names import fold

_STRANGERS = "~"
"""What the keys of addresses begin with from which nobody was let in; no nick can."""


class Kept(Protocol):
    """Where entries are kept: see `chatd.store.archive`."""

    def keep(self, at: int, known: bool, key: str, host: str, number: int, body: bytes) -> None:
        """Keep an entry."""

    def find(self, column: str, value: Any, done: Callable[[list[bytes]], object]) -> None:
        """Call ``done`` with the newest entries whose ``column`` is ``value``, newest first."""

    def forget(self, keys: Iterable[str]) -> None:
        """Keep nothing of ``keys`` any more."""

    def lines(self, after: int, done: Callable[[Any], object]) -> None:
        """Call ``done`` with a `Lines`: those behind the cursor ``after``; below 0, so many of the newest."""


class Lines(Protocol):
    """Lines of the log, each with its cursor; ``first`` and ``last`` are the cursors of all that are kept."""

    @property
    def first(self) -> int:
        """Return the oldest cursor."""

    @property
    def last(self) -> int:
        """Return the newest cursor."""

    @property
    def lines(self) -> list[tuple[int, str]]:
        """Return the lines."""


class Past:
    """Lives of connections in ``kept``; ``wall`` returns milliseconds since 1970.

    ``gone`` says whether a nick's key is that of an account that is deleted: nothing of it is kept.
    """

    def __init__(self, kept: Kept, wall: Callable[[], int], gone: Callable[[str], bool]) -> None:
        self._kept = kept
        self._wall = wall
        self._gone = gone

    def keep(self, life: Life, host: str) -> None:
        """Keep ``life``, which is over, of a peer at ``host``; of strangers only what went wrong."""
        key = fold(life.nick) if life.nick else _STRANGERS + network_of(host)
        if life.nick and self._gone(key):  # its last connections are over only after it was deleted
            return
        if life.nick or life.refusals:
            body = msgspec.json.encode(life)
            self._kept.keep(self._wall(), bool(life.nick), key, host, life.connection, body)

    def forget(self, keys: Iterable[str]) -> None:
        """Keep nothing of the nicks of these ``keys`` any more."""
        self._kept.forget(keys)

    def find(self, column: str, value: object) -> "Deferred[list[Life]]":
        """Return the newest lives whose ``column`` (key, host or number) is ``value``, newest first."""
        found: Deferred[list[Life]] = Deferred()

        def done(bodies: list[bytes]) -> None:
            found.callback([msgspec.json.decode(body, type=Life) for body in bodies])

        self._kept.find(column, value, done)
        return found

    def lines(self, after: int) -> "Deferred[Lines]":
        """Return lines of the log behind the cursor ``after``; below 0, so many of the newest."""
        found: Deferred[Lines] = Deferred()
        self._kept.lines(after, found.callback)
        return found


def meant(whom: str) -> tuple[str, Any]:
    """Return what ``whom`` is, and its form: the number of a connection, a host, or the key of a nick."""
    if whom.isdecimal():
        return "number", int(whom)
    try:
        return "host", str(ip_address(whom.strip("[]")))
    except ValueError:
        return ("host", whom) if whom == "unix" else ("key", fold(whom.removeprefix("@")))
