"""The client for asyncio; what it does is `chatd.client.api`'s, on a reactor that nobody sees."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from twisted.internet.defer import Deferred

from chatd.client.aio.event import Event, event_of
from chatd.client.aio.inbox import Inbox
from chatd.client.aio.reactor import LoopReactor
from chatd.client.api import Client as Inner
from chatd.client.api import open_client
from chatd.client.core.address import DEFAULT, Address
from chatd.client.core.notices import (
    CursorForgotten,
    EventSeen,
    GapSeen,
    JoinRefused,
    Notice,
    NotSaved,
    Restored,
    SendRefused,
    Stopped,
)
from chatd.client.core.problems import ClientError
from chatd.client.core.rooms import Followed
from chatd.client.core.session import Credentials
from chatd.client.values import Commit, Hits, Options, Page, Sent, Status, Waiting
from chatd.wire import messages as m

T = TypeVar("T")

AGAIN: Final = 100
"""Events that are read again at once."""

log: Final = logging.getLogger("chatd.client")


def connect(
    server: str | Address = DEFAULT,
    *,
    nick: str = "",
    rooms: str | Iterable[str] = (),
    profile: str | None = "default",
    folder: str | Path | None = None,
    commit: Commit = "auto",
    password: str = "",
    ca: str | Path | None = None,
    fingerprint: str | None = None,
    cert: str | Path | None = None,
    key: str | Path | None = None,
    proxy: str | None = None,
) -> "Client":
    """Return a client of ``server``, to be entered by ``async with``.

    For everything else that can be set there is ``Client(Options(…))``. Raises `ClientError` at once
    where an argument cannot be meant.
    """
    credentials = Credentials(password) if password else None
    return Client(
        Options(
            server,
            nick,
            profile,
            folder=folder,
            rooms=rooms,
            commit=commit,
            ca=ca,
            fingerprint=fingerprint,
            cert=cert,
            key=key,
            proxy=proxy,
            credentials=credentials,
        )
    )


class Client:
    """One session with one server, which comes back by itself; between ``async with`` and its end.

    Every coroutine raises `RequestError` where the server refuses, and `ClientError` where nothing can be
    done; both have ``code`` and ``text``. Cancelling a coroutine takes back what it asked for as
    far as possible.
    Without a link all of them wait for the next one: `asyncio.timeout` bounds that.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._inner: Inner | None = None
        self._reactor: LoopReactor | None = None
        self._refused: ClientError | None = None
        self._inbox = Inbox(self._read, self._read_again)

    # ---- coming and going ---------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Connect, and join the rooms; raises `ClientError` where that is hopeless, and waits else."""
        if self._reactor is not None:
            raise ClientError("used", "A client is entered once; make another one with connect().")
        self._reactor = reactor = LoopReactor(asyncio.get_running_loop())
        reactor.begin()
        try:
            self._inner = open_client(reactor, self._options)
            self._inner.subscribe(self._noticed)
            self._inner.start()
            await self._result(self._inner.ready())
            self._check_rooms()
            await self._result(self._inner.saved())
        except BaseException:
            await self._leave(reactor)
            raise
        return self

    def _check_rooms(self) -> None:
        if self._refused is not None:
            raise self._refused

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say goodbye; what waits to be sent waits on disk for the next run of the profile."""
        if self._reactor is not None:
            await self._leave(self._reactor)

    async def _leave(self, reactor: LoopReactor) -> None:
        try:
            if self._inner is not None:
                await asyncio.shield(self._result(self._inner.stop()))
        finally:
            self._inbox.close(ClientError("stopped", "The client was stopped."))
            reactor.end()

    # ---- what happens -------------------------------------------------------------------------------

    def follow(self, *rooms: str) -> AsyncIterator[Event]:
        """Yield the events of ``rooms`` (``#room``, ``@nick``), of all that are followed without, in order.

        The first one that follows a room gets all that came since `connect`, another one what comes from now
        on. It yields until the client ends, and raises `ClientError` then. While 500 events wait, no more are
        read from the link.
        """
        for room in rooms:
            _check_room(room)
        return self._following(rooms)

    async def _following(self, rooms: tuple[str, ...]) -> AsyncIterator[Event]:
        one = self._inbox.follow(rooms)
        try:
            while True:
                yield await self._inbox.next(one)
        finally:
            self._inbox.leave(one)

    def _read(self, on: bool) -> None:
        if self._inner is not None:
            (self._inner.resume_reading if on else self._inner.pause_reading)()

    async def _read_again(self, room: str, first: int, last: int) -> list[Event]:
        """Return the first of the events ``first`` to ``last`` of ``room``; what is gone is a gap."""
        page = await self.history(room, after=first - 1, limit=min(AGAIN, last - first + 1))
        found: list[Event] = []
        for one in page.events:
            if one.seq > last:
                break
            if one.seq > first:
                found.append(event_of(GapSeen(room, room, first, one.seq - 1), self))
            own = bool(one.session) and one.session == self._open.session
            found.append(event_of(EventSeen(one, room, own), self))
            first = one.seq + 1
        return found or [event_of(GapSeen(room, room, first, last), self)]

    def _noticed(self, notice: Notice) -> None:
        if isinstance(notice, (EventSeen, GapSeen, Restored, CursorForgotten)):
            self._inbox.put(event_of(notice, self))
        elif isinstance(notice, JoinRefused):
            self._refused = self._refused or ClientError(notice.code, notice.text)
            log.warning("not in %s: %s", notice.room, notice.text)
        elif isinstance(notice, SendRefused):
            log.warning("not sent to %s: %s", notice.room, notice.reason)
        elif isinstance(notice, NotSaved):
            log.warning("%s", notice.reason)
        elif isinstance(notice, Stopped):
            self._inbox.close(ClientError(notice.code, notice.text))

    async def done(self, room: str, seq: int, *answers: tuple[str, str, int]) -> None:
        """Keep that the events of ``room`` up to ``seq`` are handled, and answers; see `Event.done`."""
        if self._options.commit != "manual":
            raise ClientError("bad-options", 'Only connect(…, commit="manual") keeps what is done.')
        await self._result(self._open.done(room, seq, *answers))

    # ---- texts --------------------------------------------------------------------------------------

    async def send(self, room: str, text: str) -> Sent:
        """Send ``text`` to ``#room`` or ``@nick``; returns when it is durable on the server."""
        return await self._ask(self._open.send(room, text))

    async def reply(self, room: str, seq: int, text: str) -> Sent:
        """Send ``text`` as a reply to event ``seq`` of ``room``."""
        return await self._ask(self._open.reply(room, seq, text))

    async def edit(self, room: str, seq: int, text: str) -> Sent:
        """Give event ``seq`` of ``room``, a message of ours or a file's caption, another ``text``."""
        return await self._ask(self._open.edit(room, seq, text))

    async def react(self, room: str, seq: int, emoji: str, *, off: bool = False) -> Sent:
        """React with ``emoji`` (or ``:name:``) to event ``seq`` of ``room``; with ``off`` take it back."""
        return await self._ask(self._open.react(room, seq, emoji, off=off))

    async def pin(self, room: str, seq: int, *, off: bool = False) -> int:
        """Pin event ``seq`` of ``room`` for everybody, or unpin it; returns the number of that event."""
        return await self._ask(self._open.pin(room, seq, off=off))

    async def remove(self, room: str, seq: int, reason: str = "") -> int:
        """Erase what event ``seq`` of ``room`` says; returns the number of the event that tells of it."""
        return await self._ask(self._open.remove(room, seq, reason))

    def typing(self, room: str) -> None:
        """Let others know that somebody types in ``room`` now: call it while a person does, at each key."""
        self._open.typing(room)

    async def away(self, text: str = "", seconds: int = 0) -> None:
        """Let others see that we are away, why, and for how many ``seconds`` if there is an end."""
        await self._ask(self._open.away(text, seconds))

    async def busy(self, text: str = "", seconds: int = 0) -> None:
        """Let others see that we do not want to be disturbed, as `away` does."""
        await self._ask(self._open.busy(text, seconds))

    async def back(self) -> None:
        """Be neither away nor busy any more."""
        await self._ask(self._open.back())

    # ---- rooms --------------------------------------------------------------------------------------

    async def join(self, room: str, after: int | None = None) -> str:
        """Join ``room`` and follow it, from behind event ``after``; returns what the server calls it."""
        return await self._ask(self._open.join(room, after))

    async def leave(self, room: str) -> None:
        """Leave ``room``, once all is said there that was to be said before."""
        await self._ask(self._open.leave(room))

    async def topic(self, room: str, text: str) -> None:
        """Set the topic of ``room``."""
        await self._ask(self._open.topic(room, text))

    async def nick(self, nick: str) -> None:
        """Take another nick."""
        await self._ask(self._open.nick(nick))

    async def read(self, room: str, seq: int, thread: int = 0) -> None:
        """Mark the events of ``room`` up to ``seq`` or of a ``thread`` as read, for all our devices."""
        await self._ask(self._open.read(room, seq, thread))

    async def follow_thread(self, room: str, seq: int, *, off: bool = False) -> None:
        """Follow the thread in which event ``seq`` of ``room`` is, or which it would begin; or no more."""
        await self._ask(self._open.follow_thread(room, seq, off=off))

    async def threads(self, room: str) -> list[m.ThreadInfo]:
        """Return the threads of ``room`` that we follow, in the order in which they began."""
        return await self._ask(self._open.threads(room))

    async def rooms(self) -> list[m.RoomInfo]:
        """Return all rooms that we may see."""
        return await self._ask(self._open.rooms())

    async def members(self, room: str) -> list[m.Member]:
        """Return all members of ``room``."""
        return await self._ask(self._open.members(room))

    # ---- what was said ------------------------------------------------------------------------------

    async def history(
        self,
        room: str,
        before: int | None = None,
        after: int | None = None,
        limit: int = 50,
        *,
        present: bool = False,
        thread: int = 0,
    ) -> Page:
        """Return up to ``limit`` events of ``room``: the newest, those below ``before``, or above ``after``.

        With ``present`` it also tells what has become of the events; with ``thread`` it is of that thread.
        """
        asked = self._open.history(room, before, after, limit, present=present, thread=thread)
        return await self._ask(asked)

    async def look(self, room: str, seqs: Iterable[int]) -> Page:
        """Return events of ``room``, 50 at the most, with what has become of them."""
        return await self._ask(self._open.look(room, seqs))

    async def pins(self, room: str) -> Page:
        """Return what is pinned in ``room``, with what has become of it."""
        return await self._ask(self._open.pins(room))

    async def search(self, query: str, room: str = "", before: str = "", limit: int = 50) -> Hits:
        """Look for what ``query`` means, in ``room`` or, without one, in all rooms of ours.

        The page that follows another one is asked for with the ``rest`` of that as ``before``.
        """
        return await self._ask(self._open.search(query, room, before, limit))

    # ---- files --------------------------------------------------------------------------------------

    async def put(self, room: str, path: str | Path, caption: str = "") -> Sent:
        """Post the file at ``path`` in ``room``; returns when it is there, verified."""
        return await self._ask(self._open.files.put(room, path, caption))

    async def get(
        self,
        room: str,
        seq: int | None = None,
        file: str = "",
        output: str | Path = "",
        *,
        force: bool = False,
    ) -> Path:
        """Get the file of event ``seq`` in ``room``, or its newest whose SHA-256 begins with ``file``.

        It goes into the folder or file ``output``, or the current folder; returns its path when it is there,
        verified. Nothing is written over, unless ``output`` is the name of a file and ``force`` is set.
        """
        return await self._ask(self._open.files.get(room, seq, file, output, force=force))

    # ---- what is known ------------------------------------------------------------------------------

    async def ask(self, message: m.Request) -> m.Ok:
        """Ask any request of the protocol (docs/PROTOCOL.md); its ``id`` is filled in."""
        return await self._ask(self._open.ask(message))

    @property
    def standing(self) -> m.StatusInfo | None:
        """Return what we say of ourselves, away or busy, as the server has told last; None for neither."""
        return self._open.standing

    @property
    def nickname(self) -> str:
        """Return our nick, as the server knows it."""
        return self._open.nickname

    def followed(self) -> list[Followed]:
        """Return the rooms that we follow, with what is unread there on all our devices together."""
        return self._open.followed()

    def status(self) -> Status:
        """Return where the client stands: its link, its silence, its retry, how many sends wait."""
        return self._open.status()

    def waiting(self) -> list[Waiting]:
        """Return the sends that are not durable on the server yet, in order."""
        return self._open.waiting()

    # ---- inside -------------------------------------------------------------------------------------

    @property
    def _open(self) -> Inner:
        if self._inner is None:
            raise ClientError("not-entered", "Enter the client first: async with connect(…) as client.")
        return self._inner

    async def _ask(self, answer: Deferred[T]) -> T:
        """Return the answer; meanwhile all is read, for it comes behind the events that wait."""
        self._inbox.asking(1)
        try:
            return await self._result(answer)
        finally:
            self._inbox.asking(-1)

    @staticmethod
    async def _result(answer: Deferred[T]) -> T:
        future: asyncio.Future[Any] = answer.asFuture(asyncio.get_running_loop())
        result: T = await future
        return result


def _check_room(room: object) -> None:
    if not isinstance(room, str) or not room.startswith(("#", "@")):
        raise ClientError("bad-argument", f"A room is a string such as #lobby or @nick, not {room!r}.")
