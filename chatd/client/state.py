"""The client's state machine: one session with one server, over as many links as it takes.

No I/O, no clock: time comes in as monotonic seconds, effects go out. Every input returns the effects to be
performed, in order.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final, TypeVar

from chatd.client.asking import Asked, Asking
from chatd.client.backoff import Backoff
from chatd.client.effects import Close, Effect, FindSibling, Reply, Save, Write
from chatd.client.link import Chunk, Link, Phase
from chatd.client.links import Links
from chatd.client.notices import (
    Accepted,
    CannotConnect,
    Connected,
    CursorForgotten,
    Held,
    JoinRefused,
    Notice,
    PresenceSeen,
    SendRefused,
    Stopped,
)
from chatd.client.outbox import Entry, Outbox
from chatd.client.rooms import Rooms, fold
from chatd.client.session import TAKEN_OVER, Changes, Remembered, Wishes, final_sentence, introduce
from chatd.client.transfers import Transfers
from chatd.wire import messages as m
from chatd.wire.errors import EXPLANATIONS, CloseReason, Code, ProtocolError
from chatd.wire.limits import MAX_UNANSWERED

T = TypeVar("T")

ORPHAN: Final = 60.0
"""Seconds for which a hello that was never answered may still take our session over from us."""

HOLD: Final = 1.0
"""Seconds between attempts to send while the server cannot store."""

_GREETINGS: Final = (m.Welcome, m.Error, m.Goodbye)


class Machine(Links):
    """The session, its rooms, its outbox and its requests, over the links that come and go."""

    def __init__(self, remembered: Remembered, wishes: Wishes, backoff: Backoff) -> None:
        super().__init__(wishes.address, backoff)
        self.session = remembered.session
        self.wishes = wishes
        self.outbox = Outbox(remembered.outbox, remembered.last)
        self.rooms = Rooms(remembered.cursors, remembered.names)
        self.asking = Asking()
        self.transfers = Transfers(self.asking.number, self._errand)
        self.wanted: dict[str, None] = dict.fromkeys(wishes.rooms)
        self.window = MAX_UNANSWERED
        self._limits: m.Limits | None = None
        self._key = self._inherited = max((entry.key for entry in remembered.outbox), default=0)
        self._held_until: float | None = None
        self._anew = False
        self._posted: list[int] = []
        self._pongs: list[tuple[Link, bytes]] = []

    # ---- inputs: the program ------------------------------------------------------------------------

    def stop(self, now: float) -> list[Effect]:
        """Say goodbye and be done; what waits stays remembered."""
        if self.current is not None:
            self._write(self.current, m.encode(m.Goodbye()), now)
        self._effects += [Close(link.number, politely=link is self.current) for link in self._links()]
        self.attempt = None
        self._let_go()
        self.stopped = self.stopped or Stopped(CloseReason.GOODBYE, "The client was stopped.")
        self._effects.append(Save(urgent=True))
        return self._taken()

    def queue(
        self, room: str, text: str, now: float, file: m.File | None = None, kept: int | None = None
    ) -> tuple[int, list[Effect]]:
        """Append a send to the outbox; return its key and the effects.

        The upload ``kept`` for it in the profile is forgotten in the transaction that remembers the send.
        """
        self._key += 1
        self._posted += [] if kept is None else [kept]
        self.outbox.add(Entry(self._key, room, text, file=file))
        self._save()
        self._pump(now)
        return self._key, self._taken()

    def withdraw(self, keys: set[int]) -> list[Effect]:
        """Take back sends that are not known to be accepted."""
        self.outbox.withdraw(keys)
        self._save()
        return self._taken()

    def ask(self, message: m.Request, now: float) -> tuple[int, list[Effect]]:
        """Ask ``message``, now or once there is a link; return the id that its `Reply` names, and effects."""
        number = self.asking.add(message)
        self._ask(now)
        return number, self._taken()

    def transfer(self, change: Callable[[Transfers], T], now: float) -> tuple[T, list[Effect]]:
        """Begin or end a transfer, or tell what was done with its file; return what that returns."""
        result = change(self.transfers)
        self._pump(now)
        return result, self._taken()

    def _errand(self, errand: Effect) -> None:
        self._effects.append(errand)

    def changes(self) -> Changes:
        """Return what must be written down since the last call; say `saved` when it is."""
        self._anew = False
        outbox = self.outbox.changes()
        cursors = {room: (seq, self.rooms.name(room)) for room, seq in self.rooms.changed_cursors().items()}
        posted, self._posted = tuple(self._posted), []
        session = replace(self.session)
        return Changes(session, self.outbox.last, cursors, outbox.stored, outbox.deleted, posted)

    def saved(self, now: float) -> list[Effect]:
        """Note that the last `changes` are on disk, or never will be: what waited for that may go out."""
        pongs, self._pongs = self._pongs, []
        for link, data in pongs:
            if link in self._links():
                super()._pong(link, data, now)
        if self.current is not None:
            self._introduce(self.current, now)
        self._pump(now)
        return self._taken()

    def _pong(self, link: Link, data: bytes, now: float) -> None:
        """Answer a ping; behind a new welcome only once the token is on disk, for that is what it says."""
        if self._anew:
            self._pongs.append((link, data))
        else:
            super()._pong(link, data, now)

    def _urgent(self) -> bool:
        return self._anew or self.outbox.unsaved

    def want(self, room: str) -> None:
        """Join ``room`` wherever a new link does not follow it."""
        if not any(fold(name) == fold(room) for name in self.wanted):
            self.wanted[room] = None

    def unwant(self, room: str) -> None:
        """Join ``room`` no longer."""
        for name in [name for name in self.wanted if fold(name) == fold(room)]:
            del self.wanted[name]

    def sibling(self, token: str, now: float) -> list[Effect]:
        """Answer `FindSibling`: with the token of another session of our user, or "" where there is none."""
        if not self.stopped and token and token != self.session.sibling:
            self.session.sibling = token
            self._dial(0.0, now)
        elif not self.stopped and self._orphaned_lately(now):
            delay = self._delay(True, now, None)
            self._notify(CannotConnect(self.address, "the nick is held by an attempt that broke off", delay))
            self._dial(delay, now)
        elif not self.stopped:
            self._stop(Code.NICK_TAKEN, self.reason)
        return self._taken()

    def tick(self, now: float) -> list[Effect]:
        """Look at the clock."""
        if any(now >= due for due in self._own_times()):
            if self._held_until is not None and now >= self._held_until:
                self._held_until = None
            self._pump(now)
        return super().tick(now)

    # ---- what goes out ------------------------------------------------------------------------------

    def _greeting(self, link: Link) -> bytes:
        hello = introduce(self.session, self.wishes, self.rooms.cursors)
        link.named = frozenset(hello.cursors)
        return m.encode(hello)

    def _times(self) -> list[float]:
        return super()._times() + self._own_times()

    def _own_times(self) -> list[float]:
        due = self.transfers.due() if self.current is not None and self.current.introduced else None
        return [time for time in (self._held_until, due) if time is not None]

    def _pump(self, now: float) -> None:
        link = self.current
        if link is None or not link.introduced:
            return
        if link.writable and self._held_until is None and not self.outbox.unsaved and not self._anew:
            self._pump_sends(link, now)
        self._pump_files(link, now)

    def _pump_sends(self, link: Link, now: float) -> None:
        frames = []
        while self.outbox.ready(self.window):
            number = self.asking.number()
            n, entry = self.outbox.write(number)
            send = m.Send(id=number, n=n, room=entry.room, text=entry.text, file=entry.file)
            frames.append(m.encode(send))
        if frames:
            self._write(link, b"".join(frames), now)

    def _pump_files(self, link: Link, now: float) -> None:
        """Write what transfers have to say; parts of files last, and only while the link takes them."""
        told, asked = self.transfers.told(), self.transfers.asked(now)
        if told:
            link.said(now)
            self._effects.append(Write(link.number, told))
        if asked:
            self._write(link, asked, now)
        for data in self.transfers.chunks(now) if link.writable else ():
            link.said(now)
            self._effects.append(Write(link.number, data))

    def _ask(self, now: float) -> None:
        link = self.current
        if link is not None and link.introduced:
            frames = [m.encode(asked.message) for asked in self.asking.unwritten()]
            if frames:
                self._write(link, b"".join(frames), now)

    def _restart(self) -> list[int]:
        self._held_until = None
        self.transfers.unlinked()
        self.outbox.restart()
        return self.asking.restart()

    def _tell(self, notices: Iterable[Notice | None]) -> None:
        for notice in notices:
            if notice is not None:
                self._notify(notice)

    # ---- the welcome --------------------------------------------------------------------------------

    def _handle(self, link: Link, message: m.FromServer | Chunk, now: float) -> None:
        if link is not self.current and not isinstance(message, _GREETINGS):
            raise ProtocolError(Code.BAD_MESSAGE, "It spoke before its welcome.")
        _HANDLERS[type(message)](self, link, message, now)

    def _on_welcome(self, link: Link, welcome: m.Welcome, now: float) -> None:
        if link is not self.attempt:
            raise ProtocolError(Code.BAD_MESSAGE, "It said welcome twice.")
        self._promote(link)
        link.live(welcome.heartbeat.interval, welcome.heartbeat.misses, now)
        link.resumed = welcome.resumed
        self.window = max(1, min(MAX_UNANSWERED, welcome.limits.unanswered))
        self._limits = welcome.limits
        self._adopt(welcome)
        self._open_rooms(link, welcome.rooms, welcome.more, now)

    def _adopt(self, welcome: m.Welcome) -> None:
        session = self.session
        anew = bool(welcome.token) or welcome.session != session.id
        if anew:
            self._keep_rooms(welcome.server)
            self.outbox.renumber(welcome.last)
        else:
            accepted = self.outbox.resume(welcome.last)
            self._tell(Accepted(entry.key, entry.room, None, None, n) for n, entry in accepted)
        session.token = welcome.token or session.token
        session.server, session.id, session.nick = welcome.server, welcome.session, welcome.nick
        self._anew = self._anew or anew
        self._save()

    def _keep_rooms(self, server: str) -> None:
        """Take over what a new session can take over of an older one's rooms."""
        if self.session.server not in ("", server):
            self.rooms.forget_all()
            self.outbox.abandon(self._inherited)
        elif self.wishes.follow_all:
            for room in self.rooms.cursors:
                if room.startswith("#"):
                    self.want(room)

    def _on_rooms(self, link: Link, rooms: m.Rooms, now: float) -> None:
        self._open_rooms(link, rooms.rooms, rooms.more, now)

    def _open_rooms(self, link: Link, rooms: list[m.RoomState], more: bool, now: float) -> None:
        for room in rooms:
            self._tell(self.rooms.opened(link.positions, room))
        self._save()
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
        self._write(link, link.ping(now), now)
        self._close_missing(link)
        self._join_wanted(link)
        self._ask(now)
        if self._limits is not None:
            self.transfers.linked(self._limits)
        self._say_connected(link)

    def _close_missing(self, link: Link) -> None:
        """Give up the rooms that the server follows no longer: they were left, on another device maybe."""
        wanted = {fold(name) for name in self.wanted}
        for room in self.rooms.missing(link.positions):
            if room not in link.named:
                self.want(self.rooms.name(room))
            elif fold(self.rooms.name(room)) not in wanted:
                self._tell([self.rooms.closed(link.positions, room)])

    def _join_wanted(self, link: Link) -> None:
        for name in self.wanted:
            if not self.rooms.follows(link.positions, name):
                self._join(link, name, self.rooms.cursor(name))

    def _join(self, link: Link, name: str, after: int | None) -> None:
        link.joining.add(self.asking.add(m.Join(id=0, room=name, after=after), wanted=name))

    def _say_connected(self, link: Link) -> None:
        if not link.joining and not link.announced:
            link.announced = True
            self._notify(Connected(self.address, self.session.nick, link.resumed))

    # ---- rooms --------------------------------------------------------------------------------------

    def _on_event(self, link: Link, event: m.Event, _: float) -> None:
        self._tell([self.rooms.event(link.positions, event, self.session.id)])
        self._save()

    def _on_gap(self, link: Link, gap: m.Gap, _: float) -> None:
        self._tell([self.rooms.gap(link.positions, gap)])
        self._save()

    def _on_left(self, link: Link, left: m.Left, _: float) -> None:
        self.unwant(self.rooms.name(left.room))
        self._tell([self.rooms.closed(link.positions, left.room)])
        self._save()

    def _on_chunk(self, _: Link, chunk: Chunk, __: float) -> None:
        self.transfers.chunk(chunk.transfer, chunk.offset, chunk.data)

    def _on_progress(self, _: Link, progress: m.Progress, now: float) -> None:
        self.transfers.progress(progress, now)

    def _on_cancel(self, _: Link, cancel: m.Cancel, now: float) -> None:
        self.transfers.cancelled(cancel, now)

    def _on_presence(self, _: Link, presence: m.Presence, __: float) -> None:
        room = presence.room
        online, offline = tuple(presence.online), tuple(presence.offline)
        self._notify(PresenceSeen(room, self.rooms.name(room), online, offline))

    # ---- answers ------------------------------------------------------------------------------------

    def _on_ok(self, link: Link, ok: m.Ok, now: float) -> None:
        if self.outbox.asked(ok.id):
            entry = self.outbox.accepted(ok.id)
            if not entry.withdrawn:
                self._notify(Accepted(entry.key, ok.room or entry.room, ok.seq, ok.ts, self.outbox.last))
            self._save()
            return
        asked = self.asking.answered(ok.id)
        if asked is not None:
            self._done(link, asked, ok)
        else:
            self.transfers.answered(ok.id, ok, now)

    def _done(self, link: Link, asked: Asked, ok: m.Ok) -> None:
        message = asked.message
        if asked.wanted:
            link.joining.discard(ok.id)
            self._say_connected(link)
            return
        if isinstance(message, m.Join):
            self.want(message.room)
        elif isinstance(message, m.Leave):
            self.unwant(message.room)
        elif isinstance(message, m.Nick):
            self.session.nick = message.nick
            self._save()
        self._effects.append(Reply(ok.id, ok))

    def _on_error(self, link: Link, error: m.Error, now: float) -> None:
        if error.id is None:
            self._turned_away(link, error, now)
        elif self.outbox.asked(error.id):
            self._send_refused(error.id, error, now)
        else:
            asked = self.asking.answered(error.id)
            if asked is not None:
                self._request_refused(link, asked, error, now)
            else:
                self.transfers.answered(error.id, error, now)

    def _send_refused(self, number: int, error: m.Error, now: float) -> None:
        if error.code == Code.OUT_OF_ORDER:
            self.outbox.out_of_order(number)
        elif error.code == Code.STORAGE_UNAVAILABLE or error.retry_after is not None:
            if self.outbox.put_off(number):
                wait = HOLD if error.retry_after is None else error.retry_after
                self._held_until = now + wait
                self.reason = error.text
                self._notify(Held(error.text, wait))
                if self.outbox.unsaved:
                    self._save()
        else:
            entry = self.outbox.refused(number)
            self._save()
            if entry is not None and not entry.withdrawn:
                refused = SendRefused(entry.key, entry.room, entry.text, error.code, error.text, entry.file)
                self._notify(refused)

    def _request_refused(self, link: Link, asked: Asked, error: m.Error, now: float) -> None:
        number = asked.message.id
        if asked.wanted:
            self._join_refused(link, asked, error, now)
        elif asked.again and isinstance(asked.message, m.Leave) and error.code == Code.NOT_A_MEMBER:
            self.unwant(asked.message.room)
            self._effects.append(Reply(number, m.Ok(id=number)))
        else:
            self._effects.append(Reply(number, error))

    def _join_refused(self, link: Link, asked: Asked, error: m.Error, now: float) -> None:
        name = asked.wanted
        link.joining.discard(asked.message.id)
        if error.code == Code.CURSOR_BEYOND_HEAD:
            self._forget_cursor(self.rooms.room_of(name) or fold(name), name)
            self._join(link, name, None)
            self._ask(now)
        elif error.code in _LATER:
            self._drop(link, error.text, now, slot=error.retry_after)
        else:
            self.unwant(name)
            self._notify(JoinRefused(name, error.code, error.text))
            self._say_connected(link)

    def _forget_cursor(self, room: str, name: str) -> None:
        self.rooms.forget(room)
        self._notify(CursorForgotten(room, name))
        self._save()

    # ---- the end of a link --------------------------------------------------------------------------

    def _turned_away(self, link: Link, error: m.Error, now: float) -> None:
        remedy = _REMEDIES.get(error.code) if link.phase is Phase.GREETING else None
        if remedy is not None and remedy(self, link, error, now):
            return
        sentence = final_sentence(self.session, error)
        if sentence is not None:
            self._stop(error.code, sentence)
        else:
            self._drop(link, error.text, now, slot=error.retry_after)

    def _try_again(self, link: Link, now: float) -> bool:
        self._effects.append(Close(link.number))
        self._dial(0.0, now)
        return True

    def _begin_anew(self, link: Link, _: m.Error, now: float) -> bool:
        session = self.session
        if session.token:
            session.token, session.id = "", 0
        elif session.sibling:
            session.sibling = ""
        else:
            return False
        return self._try_again(link, now)

    def _without_cursor(self, link: Link, error: m.Error, now: float) -> bool:
        if error.room not in self.rooms.cursors:
            return False
        self._forget_cursor(error.room, self.rooms.name(error.room))
        return self._try_again(link, now)

    def _as_device(self, link: Link, error: m.Error, _: float) -> bool:
        self.reason = final_sentence(self.session, error) or error.text
        self._effects += [Close(link.number), FindSibling()]
        self.attempt = None
        return True

    def _on_goodbye(self, link: Link, goodbye: m.Goodbye, now: float) -> None:
        if goodbye.reason != CloseReason.TAKEN_OVER:
            known = goodbye.reason in list(CloseReason)
            meaning = EXPLANATIONS[CloseReason(goodbye.reason)] if known else goodbye.reason
            self._drop(link, goodbye.text or meaning, now, slot=goodbye.retry_after)
        elif self.attempt is not None and self.attempt.phase is Phase.GREETING:
            self._effects.append(Close(link.number))
            self._let_go()
        elif self._orphaned_lately(now):
            self._drop(link, "an earlier attempt of ours took the session over", now, slot=0.0)
        else:
            self._stop(goodbye.reason, TAKEN_OVER)

    def _orphaned_lately(self, now: float) -> bool:
        """Return whether a hello of ours that was never answered may have had its effect."""
        return self._orphaned is not None and now - self._orphaned < ORPHAN


_LATER: Final = frozenset({Code.STORAGE_UNAVAILABLE, Code.TOO_FAST})
"""Refusals of a join that time mends: it is made again on the next link."""

_REMEDIES: Final[dict[str, Callable[[Machine, Link, m.Error, float], bool]]] = {
    Code.UNKNOWN_SESSION: Machine._begin_anew,  # noqa: SLF001 - its own table
    Code.CURSOR_BEYOND_HEAD: Machine._without_cursor,  # noqa: SLF001
    Code.NICK_TAKEN: Machine._as_device,  # noqa: SLF001
}

_HANDLERS: Final[dict[type, Callable[[Machine, Link, Any, float], None]]] = {
    m.Welcome: Machine._on_welcome,  # noqa: SLF001
    m.Rooms: Machine._on_rooms,  # noqa: SLF001
    m.Event: Machine._on_event,  # noqa: SLF001
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
