"""The hub: requests in, batches out; after the commit the logs grow and everybody hears.

One batch is open and collects decisions; another may be on its way to disk. The committer seals the open
batch, has its changes written, and calls `committed` or `failed`.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from msgspec import structs

from chatd.chat import accounts, arrival, following, invitations, moderation, sweeping
from chatd.chat.arrival import Arrival
from chatd.chat.batch import Answer, Batch, Later
from chatd.chat.changes.rows import Change, DropFiles, DropRoom, PutEmptied, PutTime, Trim
from chatd.chat.files import Blobs
from chatd.chat.log import Log
from chatd.chat.presence import PresenceBoard
from chatd.chat.requests import refuse, serve
from chatd.chat.rules import Kind
from chatd.chat.state import Peer, Room, Session
from chatd.chat.storage import Snapshot
from chatd.chat.world import Terms, World
from chatd.counters import Counters
from chatd.wire.errors import CloseReason, Code, ProtocolError, RequestError
from chatd.wire.limits import WINDOW
from chatd.wire.messages import Error, Event, Goodbye, Hello, Message, Ok
from chatd.wire.names import fold

WARM_BYTES = 67_108_864
"""Bytes of recent events that all logs together keep in memory; the longest untouched are dropped first."""

AT_ONCE = 1500
"""Followers that are handed events in one turn, so that it stays under 20 ms; all others catch up (P6)."""

HALF = 32
"""Followers that are handed a batch in one turn at least, even if half of them are fewer."""

FULL_BYTES = 33_554_432
"""Bytes that the open batch gathers, about, while the one before it is on its way to disk (P5)."""

_STORAGE = (
    "The server cannot write to its disk now; nothing was lost of what was acknowledged. Try again later."
)


def digest(token: str) -> bytes:
    """Return what is stored of a session's token: enough to know it again, too little to use it."""
    return hashlib.sha256(token.encode()).digest()


class Hub:
    """The state of the chat and its open batch; ``work`` is called when the batch is no longer empty.

    ``decide`` is `serve` in this world; `call` has to follow, once for all requests of a turn. ``counters``
    are those of the whole daemon.
    """

    def __init__(self, snapshot: Snapshot, terms: Terms, work: Callable[[], None]) -> None:
        self.world = World(snapshot, terms)
        self.counters = Counters()
        sweeping.resume(self.world)
        self._work = work
        self._called = False
        self.decide = partial(serve, self.world)
        self.presence = PresenceBoard()
        self._grown: list[Log] = []
        self._share = 0
        self._warm: dict[Log, None] = {}
        self._warm_bytes = 0

    def offer_files(self, blobs: Blobs, size: int, transfers: int) -> None:
        """Let the files among ``blobs`` be posted and fetched, and announce that.

        A file has at most ``size`` bytes, and one connection at most so many ``transfers`` at once.
        """
        world = self.world
        world.blobs = blobs
        world.limits = structs.replace(world.limits, file=size, window=WINDOW, transfers=transfers)

    # ---- sessions -----------------------------------------------------------------------------------

    def session(self, token: str) -> Session:
        """Return the session that ``token`` belongs to. Raises `ProtocolError` ``unknown-session``."""
        session = self.world.sessions.get(digest(token))
        if session is None or session.user.disabled:
            raise ProtocolError(
                Code.UNKNOWN_SESSION, "The server does not know this session (any longer); begin a new one."
            )
        return session

    def claim(self, nick: str, token: str) -> Session:
        """Return a new session with ``token`` for a new user called ``nick``, or the one that has that token.

        Raises `ProtocolError` ``nick-taken``, ``bad-nick`` or ``too-many-users``.
        """
        if digest(token) in self.world.sessions:  # the hello came before, and its welcome was lost
            return self.session(token)
        user = self.world.add_user(nick)
        return self.world.add_session(user, digest(token))

    def add_device(self, sibling: Session, token: str) -> Session:
        """Return a new session with ``token`` for the user of ``sibling``.

        Raises `ProtocolError` ``too-many-devices``.
        """
        return self.world.add_session(sibling.user, digest(token))

    def confirm(self, session: Session) -> None:
        """Note that the client has answered the ping behind its welcome: it has its token, and was warned."""
        accounts.note_warned(self.world, session)
        arrival.confirm(self.world, session)
        self._work()

    def arrive(
        self, peer: Peer, arriving: Arrival, hello: Hello, now: int, turned: Mapping[str, int] | None = None
    ) -> None:
        """Let ``peer`` in: see `chatd.chat.arrival.arrive`."""
        arrival.arrive(self.world, peer, arriving, hello, now, turned or {})
        self.presence.touch(arriving.session.user)
        self._work()

    def abandon(self, session: Session, now: int) -> None:
        """Forget a session that nobody will resume: its newcomer was refused, or is done."""
        arrival.end_session(self.world, session, now)
        self._work()

    def forget(self, peer: Peer, now: int) -> None:
        """End the session of ``peer``, whose client will not come back."""
        session = peer.session
        self.depart(peer, now)
        if session is not None and session.digest in self.world.sessions:
            self.abandon(session, now)

    def depart(self, peer: Peer, now: int) -> None:
        """Let ``peer`` go: see `chatd.chat.arrival.depart`. Its requests are decided, and not answered."""
        self.world.batch.forget(peer)
        session = peer.session
        try:
            arrival.depart(self.world, peer, now)
        finally:
            if session is not None:
                self.presence.touch(session.user)
            self._work()

    def expire(self, age: int, now: int, *, unclaimed: bool) -> list[Session]:
        """End the sessions that have been without a connection for ``age`` milliseconds; return them.

        With ``unclaimed`` those end too whose welcome may never have arrived: a crash has left them.
        """
        before = self.world.calendar.now - age
        away = [session for session in self.world.sessions.values() if session.peer is None]
        ended = [session for session in away if 0 < session.seen < before]
        if unclaimed:
            ended += [session for session in away if not session.confirmed]
        for session in ended:
            arrival.end_session(self.world, session, now)
        self.world.tidy()
        invitations.tidy(self.world)
        for session in self.world.sessions.values():
            if _unsaved(session) or (session.peer is not None and session.confirmed):
                arrival.note_seen(self.world, session)
        self._work()
        return ended

    # ---- requests -----------------------------------------------------------------------------------

    def refuse(self, peer: Peer, request: int, error: RequestError) -> None:
        """Answer ``request`` with a refusal, in its turn."""
        refuse(self.world, peer, request, error)
        self.call()

    def call(self) -> None:
        """Have the open batch sealed, because of requests. One call per batch is enough."""
        if not self._called:
            self._called = True
            self._work()

    @property
    def full(self) -> bool:
        """Return whether the open batch holds so much that no further request should be made."""
        return self.world.batch.size >= FULL_BYTES

    def sweep(self) -> bool:
        """Go on with removals of many members for a slice; return whether something is left to be done."""
        return sweeping.step(self.world)

    # ---- batches ------------------------------------------------------------------------------------

    def seal(self) -> Batch | None:
        """Return the open batch and open a new one; None if it is empty."""
        self._called = False
        batch = self.world.batch
        if not batch:
            return None
        self.world.batch = Batch()
        return batch

    def committed(self, batch: Batch) -> None:
        """Let the logs grow by ``batch``, which is durable, and give its answers; `deliver` is to follow.

        Plain answers come first, so that senders go on while everybody is served. Answers that are made only
        now, such as a welcome with its cursors, need the logs as they are afterwards.
        """
        self._deliver(AT_ONCE)
        for peer, answers in batch.answers.items():
            try:
                peer.reply(answers, len(answers))
            except Exception:  # noqa: BLE001 - a fault costs that peer alone (P8)
                peer.fault()
        now = self.world.calendar.now
        self._erase(batch)
        for removal in batch.ends:
            following.end(removal, now)
        for room in batch.narrowed:
            last = room.log.head + len(batch.stored.get(room.log, ()))
            downloading = [] if self.world.blobs is None else self.world.blobs.downloading()
            following.narrow(room, last, downloading, now)
        most = AT_ONCE
        for log, events in batch.stored.items():
            before = log.tail_bytes
            owed = log.grow(events, most)
            most -= owed
            self._count(log, events, owed)
            self._grown.append(log)
            self._keep_warm(log, log.tail_bytes - before)
        self._share = max(HALF, (AT_ONCE - most + 1) // 2)
        if batch.later:
            self._deliver(AT_ONCE)
        for peer, told in batch.later.items():
            try:
                _tell(peer, [message for one in told for message in _messages(one)])
            except Exception:  # noqa: BLE001 - a fault costs that peer alone (P8)
                peer.fault()

    def _count(self, log: Log, events: list[bytes], owed: int) -> None:
        counters, number = self.counters, len(events)
        counters.events += number
        counters.room_events[log.id] += number
        counters.deliveries += owed * number
        counters.bytes_out += owed * sum(map(len, events))  # as native frames; lines differ by a few bytes

    def _erase(self, batch: Batch) -> None:
        """Let memory hold nothing any more of what was removed."""
        for room, change, event in batch.erased:
            room.log.erase(change.seq, change.stored)
            if event.file is not None:
                self._let_go(room, event)

    def _let_go(self, room: Room, event: Event) -> None:
        """Let nobody have the file any more that ``event`` of ``room`` has posted, which was removed."""
        world = self.world
        if world.blobs is None or event.file is None:
            return
        following.end_removed(room, event.seq, world.blobs.downloading())
        if event.file.sha256 not in world.posted:
            session = world.sessions_by_id.get(event.session)
            author = world.nicks.get(fold(event.by)) if session is None else session.user
            world.blobs.released(event.file.sha256, None if author is None else author.id)

    def deliver(self) -> bool:
        """Hand the growth to some of the followers; return whether others still wait for it.

        A large room is served in two halves: requests that come in meanwhile are decided between them, and
        become durable during the second.
        """
        self._deliver(self._share)
        return bool(self._grown)

    def _deliver(self, most: int) -> None:
        while self._grown and most > 0:
            most -= self._grown[-1].deliver(most)
            if most > 0:
                self._grown.pop()

    def failed(self, batch: Batch) -> None:
        """Take back ``batch``, whose commit failed, and the open one, which was built upon it."""
        open_batch = self.seal() or Batch()
        open_batch.undo(self.world)
        batch.undo(self.world)
        sweeping.begin_again(self.world)
        for room, user, *_ in batch.ends + open_batch.ends:
            if user in room.members:
                following.follow_everywhere(self.world.batch, room, user, room.start_of(user))
        refusals = []
        for refused in (batch, open_batch):
            for peer, answers in refused.told():
                try:
                    if self._still_here(peer):
                        refusals.append((peer, self._refusals(answers)))
                except Exception:  # noqa: BLE001 - a fault costs that peer alone (P8)
                    peer.fault()
        for peer, told in refusals:  # whoever hears goes on, which must change no welcome
            try:
                _tell(peer, told)
            except Exception:  # noqa: BLE001 - a fault costs that peer alone (P8)
                peer.fault()

    def _still_here(self, peer: Peer) -> bool:
        """Refuse the hello of ``peer`` if its session could not be stored."""
        session = peer.session
        if session is None or session.digest in self.world.sessions:
            return True
        peer.fail(ProtocolError(Code.STORAGE_UNAVAILABLE, _STORAGE), CloseReason.REFUSED)
        return False

    @staticmethod
    def _refusals(answers: Sequence[Answer | Later]) -> list[Message]:
        """Return the refusals of requests. What is made only now tells what is true now, and is kept."""
        told: list[Message] = []
        for answer in answers:
            if isinstance(answer, Ok | Error):
                told.append(Error(id=answer.id, code=Code.STORAGE_UNAVAILABLE, text=_STORAGE))
            else:
                told += answer()
        return told

    def _keep_warm(self, log: Log, growth: int) -> None:
        self._warm.pop(log, None)
        self._warm[log] = None
        self._warm_bytes += growth
        while self._warm_bytes > WARM_BYTES and len(self._warm) > 1:
            coldest = next(iter(self._warm))
            del self._warm[coldest]
            self._warm_bytes -= coldest.tail_bytes
            coldest.forget_tail()

    # ---- time and retention -------------------------------------------------------------------------

    def trim(self, room: Room, first: int) -> None:
        """Keep no event of ``room`` below ``first`` any more."""
        log, world = room.log, self.world
        first = min(first, log.head + 1)
        if first <= log.first:
            return
        self.change(room.row()._replace(first=first), Trim(log.id, first))
        if first > log.head and room.rules.kind != Kind.DELETED:
            self.change(PutEmptied(log.id, log.head, log.ts, log.check(log.head) or ""))
        if world.posted.below(room, first):
            self.change(DropFiles(log.id, first))
        self.change(*world.ages.forget(log.id, first))

    def prune(self, room: Room) -> int:
        """Drop what has ended of the bans, mutes and invitations of ``room``; return how many these were."""
        count = moderation.prune(self.world, room) if room.acts else 0
        if count:
            self._work()
        return count

    def remove_deleted(self, room: Room) -> None:
        """Remove what is left of a deleted room once no event of it is kept, and nothing for its members."""
        log = room.log
        if room.members:
            return
        if room.rules.kind == Kind.DELETED and log.first > log.head == log.last and not room.acts:
            self.change(*self.world.ages.forget(log.id, log.first), DropRoom(log.id))

    def mark(self, room: Room, pause: int) -> None:
        """Note how far the log of ``room`` has grown, ``pause`` milliseconds after the last time."""
        log = room.log
        if log.head >= log.first:
            self.change(*self.world.ages.mark(log.id, log.head, self.world.calendar.now, pause))

    def keep_time(self, now: int) -> None:
        """Keep the calendar on disk, and the wall clock beside it."""
        self.change(PutTime(self.world.calendar.now, now))

    def change(self, *changes: Change) -> None:
        """Make ``changes``, which become durable with the open batch. Nobody waits for that."""
        for change in changes:
            self.world.change(change)
        self._work()


def _unsaved(session: Session) -> bool:
    """Return whether the client has its token, but nothing on disk says so yet."""
    return session.proven and not session.seen


def _messages(answer: Answer | Later) -> Sequence[Message]:
    return (answer,) if isinstance(answer, Ok | Error) else answer()


def _tell(peer: Peer, told: list[Message]) -> None:
    """Tell ``peer``; a goodbye as the last word ends its connection."""
    farewell = told.pop() if told and isinstance(told[-1], Goodbye) else None
    peer.reply(told, sum(isinstance(message, Ok | Error) for message in told))
    if isinstance(farewell, Goodbye):
        peer.close(CloseReason(farewell.reason))
        return
    if peer.reader.lags:
        peer.catch_up()
