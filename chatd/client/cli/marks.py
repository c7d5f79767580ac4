"""Read marks: what somebody has seen is marked as read on the server, a few seconds at a time."""

from collections import deque
from typing import Any, Final, NamedTuple

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall

from chatd.client.api import Client
from chatd.client.cli.console import Reactor
from chatd.client.core.notices import LinkState
from chatd.client.core.rooms import Followed

PAUSE: Final = 3.0
"""Seconds between one round of read marks and the next."""


PARTING: Final = 1.0
"""Seconds that somebody who ends chatc waits at the most for the server to have the read marks."""

COUNTED: Final = 1000
"""Messages of a room that are counted here as unread, at the most."""


class Unread(NamedTuple):
    """How many messages of a room are unread, how many of them are for us, and the first of these, or 0.

    So many as ``threads`` are in threads that we follow, if that is known.
    """

    said: int = 0
    mentions: int = 0
    mention: int = 0
    threads: int = 0


class ReadMarks:
    """Knows the last event displayed of each room, up to where it was read, and what is behind that."""

    def __init__(self, reactor: Reactor, client: Client) -> None:
        self._reactor = reactor
        self._client = client
        self._displayed: dict[str, int] = {}
        self._read: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self._said: dict[str, deque[tuple[int, bool]]] = {}
        self._due: set[str] = set()
        self._call: IDelayedCall | None = None

    def opened(self, room: str, seq: int) -> None:
        """Note that the server has the read mark of ``room`` at ``seq``."""
        self._move(room, max(seq, self._read.get(room, 0)))

    def _move(self, room: str, seq: int) -> None:
        self._read[room] = seq
        said = self._said.get(room)
        while said and said[0][0] <= seq:
            said.popleft()

    def read(self, room: str) -> int:
        """Return the last event of ``room`` that was read."""
        return self._read.get(room, 0)

    def said(self, room: str, seq: int, *, for_us: bool) -> None:
        """Note that somebody said event ``seq`` of ``room``, which counts until it is read."""
        if seq > self.read(room):
            self._said.setdefault(room, deque(maxlen=COUNTED)).append((seq, for_us))

    def unread(self, room: Followed) -> Unread:
        """Return what is unread of ``room``: as the server counts, for all devices.

        Where it does not count, or does not know yet what was read here, that is what was displayed here.
        """
        if room.unread is not None and room.read >= self.read(room.room):
            threads = sum(thread.unread for thread in room.threads.values())
            if room.peer:
                first = room.mention or (room.read + 1 if room.unread else 0)
                return Unread(room.unread, room.unread, first, threads)
            return Unread(room.unread, room.mentions, room.mention, threads)
        said = self._said.get(room.room, ())
        mentions = [seq for seq, for_us in said if for_us]
        return Unread(len(said), len(mentions), mentions[0] if mentions else 0)

    def displayed(self, room: str, seq: int, *, attended: bool) -> None:
        """Note that event ``seq`` of ``room`` was displayed; where that room is ``attended`` it is read."""
        self._displayed[room] = max(seq, self._displayed.get(room, 0))
        if attended:
            self.attend(room)

    def told(self, room: str, seq: int) -> None:
        """Note that the client has told of ``room`` up to event ``seq``: it knows more, maybe, by then."""
        self._told[room] = seq

    def last_told(self, room: str) -> int:
        """Return the last event of ``room`` of which the client has told."""
        return self._told.get(room, 0)

    def attend(self, room: str, seq: int = 0) -> None:
        """Note that what was displayed of ``room``, or all up to ``seq``, is read: that is looked at."""
        seq = max(seq, self._displayed.get(room, 0))
        if seq > self.read(room):
            self._move(room, seq)
            self._due.add(room)
            if self._call is None:
                self._call = self._reactor.callLater(PAUSE, self._tell)

    def restored(self, room: str, seq: int) -> None:
        """Note that the log of ``room`` has other events beyond ``seq`` than those that were displayed."""
        said = self._said.get(room)
        while said and said[-1][0] > seq:
            said.pop()
        for marks in (self._displayed, self._read):
            if marks.get(room, 0) > seq:
                marks[room] = seq
                self._due.discard(room)

    def flush(self) -> Deferred[Any]:
        """Tell the server now, if it can hear; the Deferred fires once it has, but soon."""
        if self._call is not None:
            self._call.cancel()
        told = DeferredList(self._tell())
        if self._call is not None:  # there is no connection
            self._call.cancel()
            self._call = None
        return told.addTimeout(PARTING, self._reactor).addErrback(_ignore)

    def _tell(self) -> list[Deferred[Any]]:
        self._call = None
        if self._client.status().state is not LinkState.CONNECTED:
            if self._due:
                self._call = self._reactor.callLater(PAUSE, self._tell)
            return []
        due, self._due = self._due, set()
        return [self._client.read(room, self._read[room]).addErrback(_ignore) for room in due]


def _ignore(_: Any) -> None:
    """Do without: the next mark in this room covers this one."""
