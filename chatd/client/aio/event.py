"""What `Client.follow` yields."""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Protocol

from chatd.client.core.notices import CursorForgotten, EventSeen, GapSeen, Restored
from chatd.client.values import Sent
from chatd.wire.messages import Event as Stored
from chatd.wire.messages import File

RoomNotice = EventSeen | GapSeen | Restored | CursorForgotten
"""Notices that concern the log of one room."""


class Answering(Protocol):
    """What an event needs of the client that it came by."""

    def reply(self, room: str, seq: int, text: str) -> Awaitable[Sent]:
        """Send a reply."""

    def done(self, room: str, seq: int, *answers: tuple[str, str, int]) -> Awaitable[None]:
        """Keep that an event is handled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of a room, as it was when it happened.

    ``room``: as people call it, ``#room`` or ``@nick``. ``kind``: message, file, edit, react, join, topic, …
    (docs/PROTOCOL.md, "event"). ``seq``: its number in the room. ``ts``: milliseconds since 1970, by the
    server's clock. ``by``: the nick at that time, ``*`` for the server. ``own``: this session sent it.
    ``ref``: the event it is about, of a message that it replies to, 0 for none; ``thread``: the first event
    of its thread. ``mentions``: nicks, and ``*`` for everybody. ``stored``: all its fields.

    Two kinds are the client's own: ``gap``, events ``first`` to ``seq`` are no longer kept; and ``restored``,
    the server has another history of the room behind ``seq``, and what follows is numbered anew from there.
    """

    room: str
    kind: str
    seq: int
    ts: int = 0
    by: str = ""
    text: str = ""
    own: bool = False
    ref: int = 0
    thread: int = 0
    mentions: tuple[str, ...] = ()
    file: File | None = None
    first: int = 0
    stored: Stored | None = None
    _client: Answering = field(repr=False, compare=False)

    async def reply(self, text: str) -> Sent:
        """Send ``text`` as a reply to this event; returns when it is durable on the server."""
        return await self._client.reply(self.room, self.seq, text)

    async def done(self, *answers: str, to: str | None = None, reply: bool = False) -> None:
        """Keep that this event and those before it in its room are handled, and ``answers`` to be sent.

        It is all one write: whenever the process is killed, either the event comes again in the next run, or
        each answer is sent, exactly once. It returns when that is on the disk here; the answers go out by
        themselves, also in a later run. They go ``to`` a room, to this one without, and with ``reply`` as
        replies. Needs ``commit="manual"``.
        """
        ref = self.seq if reply else 0
        await self._client.done(self.room, self.seq, *((to or self.room, text, ref) for text in answers))


def event_of(notice: RoomNotice, client: Answering) -> Event:
    """Return the event that ``notice`` tells of."""
    if isinstance(notice, EventSeen):
        one = notice.event
        return Event(
            room=notice.name,
            kind=one.kind,
            seq=one.seq,
            ts=one.ts,
            by=one.by,
            text=one.text,
            own=notice.own,
            ref=one.ref,
            thread=one.thread,
            mentions=one.mentions,
            file=one.file,
            stored=one,
            _client=client,
        )
    if isinstance(notice, GapSeen):
        return Event(room=notice.name, kind="gap", seq=notice.last, first=notice.first, _client=client)
    start = notice.start if isinstance(notice, Restored) else 0
    return Event(room=notice.name, kind="restored", seq=start, _client=client)
