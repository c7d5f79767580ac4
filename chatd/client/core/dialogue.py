"""The dialogue with the server on one link after the other: the hello, and what each of its messages means.

A link begins with our hello. The server answers with a welcome and the rooms that it follows, in one message
or several. Then we speak: a ping, the joins that are missing, and what waits to be asked. When the joins are
answered the program hears `Connected`.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from chatd.client.core.effects import Close, FindSibling
from chatd.client.core.link import Checked, Chunk, Link, Phase
from chatd.client.core.links import Links
from chatd.client.core.notices import (
    CannotConnect,
    Connected,
    InvitedSeen,
    JoinRefused,
    KnownElsewhere,
    LoginsFailed,
)
from chatd.client.core.output import Output
from chatd.client.core.requests import Requests
from chatd.client.core.rooms import Rooms
from chatd.client.core.session import (
    ENDED,
    TAKEN_OVER,
    Elsewhere,
    Session,
    Wishes,
    final_sentence,
    introduce,
    trail_of,
)
from chatd.wire import messages as m
from chatd.wire.codec import encode
from chatd.wire.errors import EXPLANATIONS, CloseReason, Code, ProtocolError
from chatd.wire.names import fold

_GREETINGS: Final = (m.Welcome, m.Error, m.Goodbye)


class Dialogue:
    """What is said on links changes ``session``, ``rooms``, ``requests`` and the ``links`` themselves.

    ``elsewhere`` is who we are at other addresses. ``unsaved`` says that a welcome began a session whose
    token is not on disk yet.
    """

    def __init__(
        self,
        session: Session,
        wishes: Wishes,
        elsewhere: Iterable[Elsewhere],
        rooms: Rooms,
        requests: Requests,
        links: Links,
        out: Output,
    ) -> None:
        self.unsaved = False
        self._session = session
        self._wishes = wishes
        self._elsewhere = tuple(elsewhere)
        self._rooms = rooms
        self._requests = requests
        self._links = links
        self._out = out

    # ---- from the hello to the first word behind the welcome ----------------------------------------

    def greet(self, link: Link, now: float) -> None:
        """Write the hello to a link that is open now."""
        link.greet(now)
        if not self._session.token:  # a claim that has arrived holds the nick as long as its connection
            self._links.yield_rivals(now)
        beside = self._links.contested
        hello = introduce(self._session, self._wishes, self._rooms, beside=beside)
        link.named = frozenset(hello.cursors)
        self._out.write(link, encode(hello), now)

    def take(self, link: Link, message: m.FromServer | Checked | Chunk, now: float) -> None:
        """Take in one message, or a part of a file; raises `ProtocolError` for what has no place here."""
        if link is not self._links.current and not isinstance(message, _GREETINGS):
            raise ProtocolError(Code.BAD_MESSAGE, "It spoke before its welcome.")
        _HANDLERS[type(message)](self, link, message, now)

    def _welcome(self, link: Link, welcome: m.Welcome, now: float) -> None:
        if link.phase is not Phase.GREETING:
            raise ProtocolError(Code.BAD_MESSAGE, "It said welcome twice.")
        self._links.promote(link, now)
        link.welcomed(welcome, now)
        if self._session.begins(welcome):
            self._begin_session(welcome)
        else:
            self._requests.sends.resume(welcome.last)
        self._session.adopt(welcome)
        if welcome.failed:
            self._out.notify(LoginsFailed(self._wishes.address, welcome.nick, welcome.failed))
        self._out.save()
        self._open_rooms(link, welcome.rooms, welcome.more, now)

    def _begin_session(self, welcome: m.Welcome) -> None:
        """Take over what a new session can take over of an older one's rooms and sends."""
        self.unsaved = True
        known = next((known for known in self._elsewhere if known.server == welcome.server), None)
        if known is not None and not self._session.server:
            address = self._wishes.address
            self._out.notify(KnownElsewhere(address, welcome.nick, known.address, known.nick, known.way))
        if self._session.server not in ("", welcome.server):
            self._rooms.forget_all()
            self._requests.sends.abandon()
        elif self._wishes.follow_all:
            self._rooms.want_known()
        self._requests.sends.renumber(welcome.last)

    def _more_rooms(self, link: Link, rooms: m.Rooms, now: float) -> None:
        self._open_rooms(link, rooms.rooms, rooms.more, now)

    def _open_rooms(self, link: Link, rooms: list[m.RoomState], more: bool, now: float) -> None:
        for room in rooms:
            self._out.tell(self._rooms.opened(link.positions, room))
            if room.restored:
                self._requests.asking.unread(room.room, room.cursor)
        self._out.save()
        if not more:
            link.complete = True
            self._introduce(link, now)

    def _introduce(self, link: Link, now: float) -> None:
        """Say the first thing behind the welcome, once the token of a new session is on disk.

        A new session is kept only when the server has heard from it behind its welcome: until then nothing
        is lost with the token. The ping measures the round trip as well.
        """
        if self.unsaved or link.introduced or not link.complete:
            return
        link.introduced = True
        self._out.write(link, link.ping(now), now)
        for room in self._requests.asking.leaving():
            self._rooms.unwant(self._rooms.name(room))
        self._out.tell(self._rooms.compare(link.positions, link.named))
        for name in self._rooms.unjoined(link.positions):
            self._join(link, name, self._rooms.cursor(name))
        self._requests.ask(link, now)
        if link.limits is not None:
            self._requests.transfers.linked(link.limits)
        self._say_connected(link)

    def _join(self, link: Link, name: str, after: int | None) -> None:
        room = self._rooms.room_of(name) or fold(name)
        seen = [] if after is None else trail_of(self._rooms, room, self._wishes)
        join = m.Join(id=0, room=name, after=after, trail=seen)
        link.joining.add(self._requests.asking.add(join, wanted=name))

    def _say_connected(self, link: Link) -> None:
        if not link.joining and not link.announced:
            link.announced = True
            self._out.notify(Connected(self._wishes.address, self._session.nick, link.resumed))

    # ---- the token on disk --------------------------------------------------------------------------

    def pong(self, link: Link, data: bytes, now: float) -> None:
        """Answer a ping; behind a new welcome only once the token is on disk, for that is what it says."""
        if self.unsaved:
            link.owed.append(data)
        else:
            self._out.say(link, data, now)

    def saved(self, now: float) -> None:
        """Say what waited for the token to be on disk; it is, or never will be."""
        for link in self._links.all():
            owed, link.owed = link.owed, []
            for data in owed:
                self._out.say(link, data, now)
        current = self._links.current
        if current is not None and not current.introduced:
            self._introduce(current, now)

    # ---- rooms and files ----------------------------------------------------------------------------

    def _event(self, link: Link, seen: Checked, _: float) -> None:
        self._out.tell(self._rooms.event(link.positions, seen.event, seen.check, self._session.id))
        self._requests.seen(seen.event)
        self._out.save()

    def _gap(self, link: Link, gap: m.Gap, _: float) -> None:
        self._out.tell(self._rooms.gap(link.positions, gap))
        self._out.save()

    def _left(self, link: Link, left: m.Left, _: float) -> None:
        self._out.tell([self._rooms.left(link.positions, left.room)])
        self._out.save()

    def _presence(self, _: Link, presence: m.Presence, __: float) -> None:
        self._out.notify(self._rooms.presence(presence))

    def _invited(self, _: Link, invited: m.Invited, __: float) -> None:
        self._out.notify(InvitedSeen(invited.room, invited.by, invited.text))

    def _chunk(self, _: Link, chunk: Chunk, __: float) -> None:
        self._requests.transfers.chunk(chunk.transfer, chunk.offset, chunk.data)

    def _progress(self, _: Link, progress: m.Progress, now: float) -> None:
        self._requests.transfers.progress(progress, now)

    def _cancel(self, _: Link, cancel: m.Cancel, now: float) -> None:
        self._requests.transfers.cancelled(cancel, now)

    # ---- answers ------------------------------------------------------------------------------------

    def _ok(self, link: Link, ok: m.Ok, now: float) -> None:
        if self._requests.accepted(ok, now) is not None:
            link.joining.discard(ok.id)
            self._say_connected(link)

    def _error(self, link: Link, error: m.Error, now: float) -> None:
        if error.id is None:
            self._turned_away(link, error, now)
            return
        join = self._requests.refused(error.id, error, now)
        if join is not None:
            link.joining.discard(error.id)
            self._join_refused(link, join.wanted, error, now)

    def _join_refused(self, link: Link, name: str, error: m.Error, now: float) -> None:
        if error.code == Code.CURSOR_BEYOND_HEAD:
            self._forget_cursor(self._rooms.room_of(name) or fold(name), name)
            self._join(link, name, None)
            current = self._links.open
            if current is not None:
                self._requests.ask(current, now)
        elif error.code in _LATER:
            self._links.drop(link, error.text, now, slot=error.retry_after)
        else:
            self._rooms.unwant(name)
            self._out.notify(JoinRefused(name, error.code, error.text))
            if error.code == Code.REMOVED:
                self._let_go(link, name, error)
            self._say_connected(link)

    def _let_go(self, link: Link, name: str, error: m.Error) -> None:
        """Forget the room from which we were removed, or that was deleted, and give up what waits for it.

        Both are written down at once: a later run that finds a text for an unknown room joins, and says it.
        """
        self._out.tell([self._rooms.closed(link.positions, self._rooms.room_of(name) or fold(name))])
        self._requests.sends.give_up(name, error)
        self._out.save()

    def _forget_cursor(self, room: str, name: str) -> None:
        self._out.notify(self._rooms.forget(room, name))
        self._out.save()

    # ---- the end of a link --------------------------------------------------------------------------

    def _turned_away(self, link: Link, error: m.Error, now: float) -> None:
        greeting = link.phase is Phase.GREETING
        sentence = final_sentence(self._session, error, self._elsewhere)
        if greeting and self._mended(error):
            self._out.add(Close(link.number))
            self._links.dial(0.0, now)
        elif greeting and error.code == Code.NICK_TAKEN and self._wishes.credentials is None:
            self._out.reason = sentence or error.text
            self._out.add(Close(link.number), FindSibling())
            self._links.attempt = None
        elif sentence is not None:
            self._links.give_up(error.code, sentence)
        else:
            if error.code == Code.HELLO_TIMEOUT and self._links.current is None:
                self._links.segments.mute()  # our hello did not come there
            self._links.drop(link, error.text, now, slot=error.retry_after)

    def _mended(self, error: m.Error) -> bool:
        """Forget what the server does not know; return whether another hello may help."""
        if error.code == Code.UNKNOWN_SESSION:
            return self._session.forget()
        if error.code == Code.CURSOR_BEYOND_HEAD and error.room in self._rooms.cursors:
            self._forget_cursor(error.room, self._rooms.name(error.room))
            return True
        return False

    def sibling(self, token: str, now: float) -> None:
        """Dial again with the ``token`` of a session of the same user; "" says that there is none."""
        if self._links.stopped:
            return
        if token and token != self._session.sibling:
            self._session.sibling = token
            self._links.dial(0.0, now)
        elif self._links.orphaned_lately(now):
            delay = self._links.delay(now)
            reason = "the nick is held by an attempt that broke off"
            self._out.notify(CannotConnect(self._wishes.address, reason, delay))
            self._links.dial(delay, now)
        else:
            self._links.give_up(Code.NICK_TAKEN, self._out.reason)

    def _goodbye(self, link: Link, goodbye: m.Goodbye, now: float) -> None:
        attempt = self._links.attempt
        if goodbye.reason == CloseReason.ENDED:
            self._session.forget()
            self._out.save()
            self._links.give_up(goodbye.reason, ENDED)
        elif goodbye.reason != CloseReason.TAKEN_OVER:
            known = goodbye.reason in list(CloseReason)
            meaning = EXPLANATIONS[CloseReason(goodbye.reason)] if known else goodbye.reason
            self._links.drop(link, goodbye.text or meaning, now, slot=goodbye.retry_after)
        elif link in self._links.rivals:
            self._links.drop(link, EXPLANATIONS[CloseReason.TAKEN_OVER], now)
        elif attempt is not None and attempt.phase is Phase.GREETING:
            self._links.replaced(link, now)
        elif self._links.orphaned_lately(now):
            self._links.drop(link, "an earlier attempt of ours took the session over", now, slot=0.0)
        else:
            self._links.give_up(goodbye.reason, TAKEN_OVER)


_LATER: Final = frozenset({Code.STORAGE_UNAVAILABLE, Code.TOO_FAST})
"""Refusals of a join that time mends: it is made again on the next link."""

_HANDLERS: Final[dict[type, Callable[[Dialogue, Link, Any, float], None]]] = {
    m.Welcome: Dialogue._welcome,  # noqa: SLF001 - its own table
    m.Rooms: Dialogue._more_rooms,  # noqa: SLF001
    Checked: Dialogue._event,  # noqa: SLF001
    m.Gap: Dialogue._gap,  # noqa: SLF001
    m.Left: Dialogue._left,  # noqa: SLF001
    m.Presence: Dialogue._presence,  # noqa: SLF001
    m.Invited: Dialogue._invited,  # noqa: SLF001
    m.Ok: Dialogue._ok,  # noqa: SLF001
    m.Error: Dialogue._error,  # noqa: SLF001
    m.Goodbye: Dialogue._goodbye,  # noqa: SLF001
    m.Progress: Dialogue._progress,  # noqa: SLF001
    m.Cancel: Dialogue._cancel,  # noqa: SLF001
    Chunk: Dialogue._chunk,  # noqa: SLF001
}
