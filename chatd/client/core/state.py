"""The client's state machine: one session with one server, over as many links as it takes.

No I/O, no clock: time comes in as monotonic seconds, effects go out. Every input returns the effects to be
performed, in order.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final, TypeVar

from chatd.client.core.backoff import Backoff
from chatd.client.core.effects import Close, Effect, FindSibling, Save
from chatd.client.core.link import Checked, Chunk, Link, Phase
from chatd.client.core.links import Links
from chatd.client.core.notices import CannotConnect, Connected, JoinRefused, KnownElsewhere, Stopped
from chatd.client.core.outbox import Entry, Outbox
from chatd.client.core.requests import Requests
from chatd.client.core.rooms import Rooms
from chatd.client.core.segments import Segments
from chatd.client.core.session import (
    TAKEN_OVER,
    Changes,
    Remembered,
    Wishes,
    final_sentence,
    introduce,
    trail_of,
)
from chatd.client.core.transfers import Transfers
from chatd.wire import messages as m
from chatd.wire.codec import encode
from chatd.wire.errors import EXPLANATIONS, CloseReason, Code, ProtocolError
from chatd.wire.names import fold

T = TypeVar("T")

_GREETINGS: Final = (m.Welcome, m.Error, m.Goodbye)


class Machine(Links):
    """The session, its rooms, its outbox and its requests, over the links that come and go."""

    def __init__(
        self, remembered: Remembered, wishes: Wishes, backoff: Backoff, segments: Segments | None = None
    ) -> None:
        super().__init__(wishes.address, backoff, segments or Segments())
        self.session = remembered.session
        self.wishes = wishes
        self.through = wishes.through
        known = remembered.names if wishes.follow_all else {}
        self.rooms = Rooms(remembered.cursors, remembered.names, wishes.rooms, known, remembered.trails)
        self.requests = Requests(remembered, self.session, self.rooms, self.out, backoff.later)
        self._elsewhere = remembered.elsewhere
        self._anew = False

    @property
    def outbox(self) -> Outbox:
        """Return the sends that are not known to be accepted."""
        return self.requests.sends.outbox

    # ---- inputs: the program ------------------------------------------------------------------------

    def stop(self, now: float) -> list[Effect]:
        """Say goodbye and be done; what waits stays remembered, or the session ends where nothing does."""
        if self.current is not None:
            self.out.write(self.current, encode(m.Goodbye(forget=not self.wishes.keep)), now)
        self.out.add(*(Close(link.number, politely=link is self.current) for link in self._links()))
        self.attempt = None
        self._let_go()
        self.stopped = self.stopped or Stopped(CloseReason.GOODBYE, "The client was stopped.")
        self.out.add(Save(urgent=True))
        return self._taken()

    def queue(
        self, room: str, text: str, now: float, file: m.File | None = None, kept: int | None = None
    ) -> tuple[int, list[Effect]]:
        """Append a send to the outbox; return its key and the effects.

        The upload ``kept`` for it in the profile is forgotten in the transaction that remembers the send.
        """
        key = self.requests.sends.queue(room, text, file, kept)
        self._pump(now)
        return key, self._taken()

    def take_over(self, entries: Iterable[Entry], now: float) -> list[Effect]:
        """Append sends that were taken over from another server, and are on disk already."""
        self.requests.sends.take_over(entries)
        self._pump(now)
        return self._taken()

    def withdraw(self, keys: set[int]) -> list[Effect]:
        """Take back sends that are not known to be accepted; once that is saved, what is behind goes on."""
        self.requests.sends.withdraw(keys)
        return self._taken()

    def ask(self, message: m.Request, now: float) -> tuple[int, list[Effect]]:
        """Ask ``message``, now or once there is a link; return the id that its `Reply` names, and effects."""
        number = self.requests.enter(message)
        self._ask(now)
        return number, self._taken()

    def cancel(self, number: int, now: float) -> list[Effect]:
        """Ask for ``number`` no more; an answer on its way is not waited for."""
        self.requests.asking.cancel(number)
        self._pump(now)
        return self._taken()

    def transfer(self, change: Callable[[Transfers], T], now: float) -> tuple[T, list[Effect]]:
        """Begin or end a transfer, or tell what was done with its file; return what that returns."""
        result = change(self.requests.transfers)
        self._pump(now)
        return result, self._taken()

    def tick(self, now: float) -> list[Effect]:
        """Look at the clock."""
        if any(now >= due for due in self._own_times()):
            self._pump(now)
        return super().tick(now)

    # ---- inputs: the disk ---------------------------------------------------------------------------

    def changes(self) -> Changes:
        """Return what must be written down since the last call; say `saved` when it is."""
        self._anew = False
        outbox = self.outbox.changes()
        changed = self.rooms.changed_cursors()
        cursors = {room: (seq, self.rooms.name(room)) for room, seq in changed.items()}
        trails = {room: self.rooms.trail(room).pack() for room in changed}
        session, posted = replace(self.session), self.requests.sends.posted()
        return Changes(session, self.outbox.last, cursors, outbox.stored, outbox.deleted, posted, trails)

    def saved(self, now: float) -> list[Effect]:
        """Note that the last `changes` are on disk, or never will be: what waited for that may go out."""
        for link in self._links():
            owed, link.owed = link.owed, []
            for data in owed:
                super()._pong(link, data, now)
        if self.current is not None:
            self._introduce(self.current, now)
        self._pump(now)
        return self._taken()

    def _pong(self, link: Link, data: bytes, now: float) -> None:
        """Answer a ping; behind a new welcome only once the token is on disk, for that is what it says."""
        if self._anew:
            link.owed.append(data)
        else:
            super()._pong(link, data, now)

    def _urgent(self) -> bool:
        return self._anew or self.outbox.unsaved

    def sibling(self, token: str, now: float) -> list[Effect]:
        """Answer `FindSibling`: with the token of another session of our user, or "" where there is none."""
        if not self.stopped and token and token != self.session.sibling:
            self.session.sibling = token
            self._dial(0.0, now)
        elif not self.stopped and self._orphaned_lately(now):
            delay = self._delay(True, now, None)
            reason = "the nick is held by an attempt that broke off"
            self.out.notify(CannotConnect(self.address, reason, delay))
            self._dial(delay, now)
        elif not self.stopped:
            self._stop(Code.NICK_TAKEN, self.out.reason)
        return self._taken()

    # ---- what goes out ------------------------------------------------------------------------------

    def _greeting(self, link: Link) -> bytes:
        beside = self.current is not None
        hello = introduce(self.session, self.wishes, self.rooms, beside=beside)
        link.named = frozenset(hello.cursors)
        return encode(hello)

    def _times(self) -> list[float]:
        return super()._times() + self._own_times()

    def _own_times(self) -> list[float]:
        return [] if self._open is None else self.requests.due()

    @property
    def _open(self) -> Link | None:
        """Return the current link, once we have spoken behind its welcome."""
        return self.current if self.current is not None and self.current.introduced else None

    def _pump(self, now: float) -> None:
        if self._open is not None:
            self.requests.pump(self._open, now)

    def _ask(self, now: float) -> None:
        if self._open is not None:
            self.requests.ask(self._open, now)

    def _owes(self, link: Link) -> bool:
        return self.requests.owed or self.rooms.behind(link.positions)

    def _restart(self) -> list[int]:
        return self.requests.unlinked()

    # ---- the welcome --------------------------------------------------------------------------------

    def _handle(self, link: Link, message: m.FromServer | Checked | Chunk, now: float) -> None:
        if link is not self.current and not isinstance(message, _GREETINGS):
            raise ProtocolError(Code.BAD_MESSAGE, "It spoke before its welcome.")
        _HANDLERS[type(message)](self, link, message, now)

    def _on_welcome(self, link: Link, welcome: m.Welcome, now: float) -> None:
        if link is not self.attempt:
            raise ProtocolError(Code.BAD_MESSAGE, "It said welcome twice.")
        self._promote(link, now)
        link.welcomed(welcome, now)
        self._adopt(welcome)
        self._open_rooms(link, welcome.rooms, welcome.more, now)

    def _adopt(self, welcome: m.Welcome) -> None:
        anew = self.session.begins(welcome)
        if anew:
            self._recognise(welcome)
            self._keep_rooms(welcome.server)
            self.requests.sends.renumber(welcome.last)
        else:
            self.requests.sends.resume(welcome.last)
        self.session.adopt(welcome)
        self._anew = self._anew or anew
        self.out.save()

    def _recognise(self, welcome: m.Welcome) -> None:
        """Tell a newcomer who they are at another address of what says to be the same server."""
        known = next((known for known in self._elsewhere if known.server == welcome.server), None)
        if known is not None and not self.session.server:
            self.out.notify(KnownElsewhere(self.address, welcome.nick, known.address, known.nick, known.way))

    def _keep_rooms(self, server: str) -> None:
        """Take over what a new session can take over of an older one's rooms."""
        if self.session.server not in ("", server):
            self.rooms.forget_all()
            self.requests.sends.abandon()
        elif self.wishes.follow_all:
            self.rooms.want_known()

    def _on_rooms(self, link: Link, rooms: m.Rooms, now: float) -> None:
        self._open_rooms(link, rooms.rooms, rooms.more, now)

    def _open_rooms(self, link: Link, rooms: list[m.RoomState], more: bool, now: float) -> None:
        for room in rooms:
            self.out.tell(self.rooms.opened(link.positions, room))
            if room.restored:
                self.requests.asking.unread(room.room, room.cursor)
        self.out.save()
        if not more:
            link.complete = True
            self._introduce(link, now)

    def _introduce(self, link: Link, now: float) -> None:
        """Say the first thing behind the welcome, once the token of a new session is on disk.

        A new session is kept only when the server has heard from it behind its welcome: until then nothing
        is lost with the token. The ping measures the round trip as well.
        """
        if self._anew or link.introduced or not link.complete:
            return
        link.introduced = True
        self.out.write(link, link.ping(now), now)
        for room in self.requests.asking.leaving():
            self.rooms.unwant(self.rooms.name(room))
        self.out.tell(self.rooms.compare(link.positions, link.named))
        for name in self.rooms.unjoined(link.positions):
            self._join(link, name, self.rooms.cursor(name))
        self._ask(now)
        if link.limits is not None:
            self.requests.transfers.linked(link.limits)
        self._say_connected(link)

    def _join(self, link: Link, name: str, after: int | None) -> None:
        seen = (
            [] if after is None else trail_of(self.rooms, self.rooms.room_of(name) or fold(name), self.wishes)
        )
        join = m.Join(id=0, room=name, after=after, trail=seen)
        link.joining.add(self.requests.asking.add(join, wanted=name))

    def _say_connected(self, link: Link) -> None:
        if not link.joining and not link.announced:
            link.announced = True
            self.out.notify(Connected(self.address, self.session.nick, link.resumed))

    # ---- rooms and files ----------------------------------------------------------------------------

    def _on_event(self, link: Link, seen: Checked, _: float) -> None:
        self.out.tell([self.rooms.event(link.positions, seen.event, seen.check, self.session.id)])
        self.out.save()

    def _on_gap(self, link: Link, gap: m.Gap, _: float) -> None:
        self.out.tell([self.rooms.gap(link.positions, gap)])
        self.out.save()

    def _on_left(self, link: Link, left: m.Left, _: float) -> None:
        self.out.tell([self.rooms.left(link.positions, left.room)])
        self.out.save()

    def _on_presence(self, _: Link, presence: m.Presence, __: float) -> None:
        self.out.notify(self.rooms.presence(presence))

    def _on_chunk(self, _: Link, chunk: Chunk, __: float) -> None:
        self.requests.transfers.chunk(chunk.transfer, chunk.offset, chunk.data)

    def _on_progress(self, _: Link, progress: m.Progress, now: float) -> None:
        self.requests.transfers.progress(progress, now)

    def _on_cancel(self, _: Link, cancel: m.Cancel, now: float) -> None:
        self.requests.transfers.cancelled(cancel, now)

    # ---- answers ------------------------------------------------------------------------------------

    def _on_ok(self, link: Link, ok: m.Ok, now: float) -> None:
        join = self.requests.accepted(ok, now)
        if join is not None:
            link.joining.discard(ok.id)
            self._say_connected(link)

    def _on_error(self, link: Link, error: m.Error, now: float) -> None:
        if error.id is None:
            self._turned_away(link, error, now)
            return
        join = self.requests.refused(error.id, error, now)
        if join is not None:
            link.joining.discard(error.id)
            self._join_refused(link, join.wanted, error, now)

    def _join_refused(self, link: Link, name: str, error: m.Error, now: float) -> None:
        if error.code == Code.CURSOR_BEYOND_HEAD:
            self._forget_cursor(self.rooms.room_of(name) or fold(name), name)
            self._join(link, name, None)
            self._ask(now)
        elif error.code in _LATER:
            self._drop(link, error.text, now, slot=error.retry_after)
        else:
            self.rooms.unwant(name)
            self.out.notify(JoinRefused(name, error.code, error.text))
            self._say_connected(link)

    def _forget_cursor(self, room: str, name: str) -> None:
        self.out.notify(self.rooms.forget(room, name))
        self.out.save()

    # ---- the end of a link --------------------------------------------------------------------------

    def _turned_away(self, link: Link, error: m.Error, now: float) -> None:
        greeting = link.phase is Phase.GREETING
        sentence = final_sentence(self.session, error, self._elsewhere)
        if greeting and self._mended(error):
            self.out.add(Close(link.number))
            self._dial(0.0, now)
        elif greeting and error.code == Code.NICK_TAKEN:
            self.out.reason = sentence or error.text
            self.out.add(Close(link.number), FindSibling())
            self.attempt = None
        elif sentence is not None:
            self._stop(error.code, sentence)
        else:
            if error.code == Code.HELLO_TIMEOUT and self.current is None:
                self._segments.mute()  # our hello did not come there
            self._drop(link, error.text, now, slot=error.retry_after)

    def _mended(self, error: m.Error) -> bool:
        """Forget what the server does not know; return whether another hello may help."""
        if error.code == Code.UNKNOWN_SESSION:
            return self.session.forget()
        if error.code == Code.CURSOR_BEYOND_HEAD and error.room in self.rooms.cursors:
            self._forget_cursor(error.room, self.rooms.name(error.room))
            return True
        return False

    def _on_goodbye(self, link: Link, goodbye: m.Goodbye, now: float) -> None:
        if goodbye.reason != CloseReason.TAKEN_OVER:
            known = goodbye.reason in list(CloseReason)
            meaning = EXPLANATIONS[CloseReason(goodbye.reason)] if known else goodbye.reason
            self._drop(link, goodbye.text or meaning, now, slot=goodbye.retry_after)
        elif self.attempt is not None and self.attempt.phase is Phase.GREETING:
            self.out.add(Close(link.number))
            self._judge(link, now)
            self._let_go()
        elif self._orphaned_lately(now):
            self._drop(link, "an earlier attempt of ours took the session over", now, slot=0.0)
        else:
            self._stop(goodbye.reason, TAKEN_OVER)


_LATER: Final = frozenset({Code.STORAGE_UNAVAILABLE, Code.TOO_FAST})
"""Refusals of a join that time mends: it is made again on the next link."""

_HANDLERS: Final[dict[type, Callable[[Machine, Link, Any, float], None]]] = {
    m.Welcome: Machine._on_welcome,  # noqa: SLF001
    m.Rooms: Machine._on_rooms,  # noqa: SLF001
    Checked: Machine._on_event,  # noqa: SLF001
    m.Gap: Machine._on_gap,  # noqa: SLF001
    m.Left: Machine._on_left,  # noqa: SLF001
    m.Presence: Machine._on_presence,  # noqa: SLF001
    m.Ok: Machine._on_ok,  # noqa: SLF001
    m.Error: Machine._on_error,  # noqa: SLF001
    m.Goodbye: Machine._on_goodbye,  # noqa: SLF001
    m.Progress: Machine._on_progress,  # noqa: SLF001
    m.Cancel: Machine._on_cancel,  # noqa: SLF001
    Chunk: Machine._on_chunk,  # noqa: SLF001
}
