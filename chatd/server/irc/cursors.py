"""Cursors: how far a client has been told that cannot ask for what it missed; kept across restarts.

A PING goes behind what was handed out (`chatd.server.irc.asking`); its PONG shows that all of that has
arrived. So what a cut swallows is told again, and at most what came since the last PONG is told twice.
"""

from typing import TYPE_CHECKING

from chatd.chat.changes.rows import PutCursor
from chatd.chat.log import Log
from chatd.chat.state import Room, User
from chatd.wire.irc import encode
from chatd.wire.limits import BACKLOG, MAX_WELCOME_DIRECT

if TYPE_CHECKING:
    from chatd.server.irc.client import Client


class Cursors:
    """The cursors of ``client``; ``missed`` says of rooms how many events are too many to be told."""

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._asked: tuple[str, dict[Log, int]] = ("", {})
        self._count = 0
        self._told = self._asked_at = 0
        self.missed: dict[str, int] = {}

    @property
    def _kept(self) -> bool:
        """Return whether they are kept: not for a guest, nor for a client that asks for what it missed."""
        client = self._client
        session = client.session
        return session is not None and not session.fleeting and not client.has("draft/chathistory")

    def resume(self, user: User, known: dict[int, int]) -> dict[str, int]:
        """Return from where ``user`` goes on, by the names of rooms, where that is ``known``."""
        starts = {}
        for room in (*user.rooms, *user.newest_direct(MAX_WELCOME_DIRECT)):
            seq = known.get(room.log.id)
            if seq is not None:
                starts[room.name] = self._start(room, user, seq)
        return starts

    def _start(self, room: Room, user: User, seq: int) -> int:
        log = room.log
        seq = min(log.head, max(seq, room.members[user].since - 1, room.floor(user)))
        if log.head - seq > BACKLOG:
            self.missed[room.name] = log.head - BACKLOG - seq
            seq = log.head - BACKLOG
        return seq

    def ping(self) -> str:
        """Return the token of a PING behind all that was handed out."""
        client = self._client
        if not self._kept:
            return client.network.name
        self._count += 1
        token = f"{client.network.name}-{self._count}"
        self._asked = (token, client.connection.reader.cursors())
        return token

    def look(self) -> None:
        """Ask what the client has, if it was told something before the last look, and is not being asked."""
        told, before = self._client.connection.reader.events, self._told
        self._told = told
        if self._kept and before != self._asked_at and not self._asked[1]:
            self._asked_at = told
            self._client.write(encode("", "PING", self.ping()))

    def pong(self, token: str) -> None:
        """Keep what the PING with ``token`` went behind."""
        asked, cursors = self._asked
        if token == asked and cursors:
            self._asked = ("", {})
            self._keep(cursors)

    def end(self) -> None:
        """Keep what was handed out, if the client's system has taken all of it."""
        connection = self._client.connection
        if self._kept and connection.output.traffic().waiting == 0:
            self._keep(connection.reader.cursors())

    def _keep(self, cursors: dict[Log, int]) -> None:
        session = self._client.session
        if session is None or not self._kept:
            return
        known = session.cursors
        changes = [
            PutCursor(session.id, log.id, seq) for log, seq in cursors.items() if known.get(log.id) != seq
        ]
        if changes:
            self._client.network.server.hub.change(*changes)
