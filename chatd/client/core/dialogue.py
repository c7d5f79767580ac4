"""The dialogue with the server on one link after the other: what each of its messages means."""

from collections.abc import Callable
from typing import Any, Final

from chatd.client.core.endings import Endings
from chatd.client.core.greeting import Greeting
from chatd.client.core.link import Checked, Chunk, Link
from chatd.client.core.links import Links
from chatd.client.core.notices import AnnouncementSeen, InvitedSeen, TypingSeen
from chatd.client.core.output import Output
from chatd.client.core.requests import Requests
from chatd.client.core.rooms import Rooms
from chatd.client.core.session import Session
from chatd.wire import messages as m
from chatd.wire.errors import Code, ProtocolError

_GREETINGS: Final = (m.Welcome, m.Error, m.Goodbye)


class Dialogue:
    """Has a table of what is done about each message on one of ``links``.

    What begins a link goes to the ``greeting``, and what ends it to the ``endings``; all else changes
    ``rooms`` and ``requests``.
    """

    def __init__(
        self,
        session: Session,
        rooms: Rooms,
        requests: Requests,
        links: Links,
        greeting: Greeting,
        endings: Endings,
        out: Output,
    ) -> None:
        self._session = session
        self._rooms = rooms
        self._requests = requests
        self._links = links
        self._greeting = greeting
        self._endings = endings
        self._out = out
        self._daily = ""
        self._handlers: Final[dict[type, Callable[[Link, Any, float], None]]] = {
            m.Welcome: greeting.welcome,
            m.Rooms: greeting.more_rooms,
            Checked: self._event,
            m.Gap: self._gap,
            m.Left: self._left,
            m.Presence: self._presence,
            m.Typing: self._typing,
            m.Unread: self._unread,
            m.Following: self._following,
            m.Invited: self._invited,
            m.Announcement: self._announcement,
            m.Ok: self._ok,
            m.Error: self._error,
            m.Goodbye: endings.goodbye,
            m.Progress: self._progress,
            m.Cancel: self._cancel,
            Chunk: self._chunk,
        }

    def take(self, link: Link, message: m.FromServer | Checked | Chunk, now: float) -> None:
        """Take in one message, or a part of a file; raises `ProtocolError` for what has no place here."""
        if link is not self._links.current and not isinstance(message, _GREETINGS):
            raise ProtocolError(Code.BAD_MESSAGE, "It spoke before its welcome.")
        self._handlers[type(message)](link, message, now)

    # ---- rooms and files ----------------------------------------------------------------------------

    def _event(self, link: Link, seen: Checked, _: float) -> None:
        if self._rooms.renames_us(seen.event):
            self._session.nick = seen.event.text
        self._out.tell(self._rooms.event(link.positions, seen.event, seen.check, self._session.id))
        self._requests.seen(seen.event)
        self._out.save()

    def _gap(self, link: Link, gap: m.Gap, _: float) -> None:
        self._out.tell(self._rooms.gap(link.positions, gap))
        self._out.save()

    def _left(self, link: Link, left: m.Left, _: float) -> None:
        self._out.tell([self._rooms.left(link.positions, left.room)])
        self._out.save()

    def _presence(self, _: Link, presence: m.Presence, now: float) -> None:
        for status in presence.statuses:
            if status.nick == self._session.nick:
                self._session.stand(status, now)
        self._out.notify(self._rooms.presence(presence))

    def _typing(self, _: Link, typing: m.Typing, __: float) -> None:
        nicks = tuple(nick for nick in typing.nicks if nick != self._session.nick)
        if nicks:
            self._out.notify(TypingSeen(typing.room, self._rooms.name(typing.room), nicks))

    def _following(self, _: Link, told: m.Following, __: float) -> None:
        self._out.tell(self._rooms.following(told))

    def _unread(self, _: Link, told: m.Unread, __: float) -> None:
        self._out.tell(self._rooms.unread(told))

    def _invited(self, _: Link, invited: m.Invited, __: float) -> None:
        self._out.notify(InvitedSeen(invited.room, invited.by, invited.text))

    def _announcement(self, _: Link, said: m.Announcement, __: float) -> None:
        """Tell what the server says; what stands for the day only once, however often we come back."""
        if said.daily:
            if said.text == self._daily:
                return
            self._daily = said.text
        self._out.notify(AnnouncementSeen(said.text, said.ts))

    def _chunk(self, _: Link, chunk: Chunk, __: float) -> None:
        self._requests.transfers.chunk(chunk.transfer, chunk.offset, chunk.data)

    def _progress(self, _: Link, progress: m.Progress, now: float) -> None:
        self._requests.transfers.progress(progress, now)

    def _cancel(self, _: Link, cancel: m.Cancel, now: float) -> None:
        self._requests.transfers.agreements.cancelled(cancel, now)

    # ---- answers ------------------------------------------------------------------------------------

    def _ok(self, link: Link, ok: m.Ok, now: float) -> None:
        if self._requests.accepted(ok, now) is not None:
            link.joining.discard(ok.id)
            self._greeting.announce(link)

    def _error(self, link: Link, error: m.Error, now: float) -> None:
        if error.id is None:
            self._endings.turned_away(link, error, now)
            return
        join = self._requests.refused(error.id, error, now)
        if join is not None:
            link.joining.discard(error.id)
            self._greeting.join_refused(link, join.wanted, error, now)
