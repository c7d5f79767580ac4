"""Typing: tells the server that somebody types here, seldom, and only where nothing else is to be said."""

from typing import Final

from chatd.client.core.links import Links
from chatd.client.core.outbox import Outbox
from chatd.client.core.output import Output
from chatd.client.core.rooms import Rooms
from chatd.wire.messages import Typing
from chatd.wire.native import encode

FEATURE: Final = "typing"

AGAIN: Final = 3.0
"""Seconds until it is said again of the same room: others take it for true for twice as long."""


class Typist:
    """Says on the current link of ``links`` where its user types, if the server wants to know."""

    def __init__(self, rooms: Rooms, links: Links, outbox: Outbox, out: Output) -> None:
        self._rooms = rooms
        self._links = links
        self._outbox = outbox
        self._out = out
        self._said: dict[str, float] = {}

    def type(self, name: str, now: float) -> None:
        """Say that our user types in the room that people call ``name``; never before a message of theirs."""
        link = self._links.open
        room = self._rooms.room_of(name)
        if link is None or FEATURE not in link.features or link.quiet or not link.writable:
            return
        if room not in self._rooms.followed or len(self._outbox) or now < self._said.get(room, 0.0):
            return
        self._said = {one: until for one, until in self._said.items() if until > now}
        self._said[room] = now + AGAIN
        self._out.write(link, encode(Typing(room=room)), now)

    def pause(self, name: str) -> None:
        """Let the next word of typing in that room be said at once: what was typed is on its way."""
        self._said.pop(self._rooms.room_of(name) or name, None)
