"""The hub: requests in, batches out.

One batch is open and collects decisions; another may be on its way to disk. The committer seals the open
batch and has its changes written; `chatd.chat.publisher` tells everybody what became of them.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from msgspec import structs

from chatd.chat import accounts, address_bans, arrival, expiring, moderation, renaming, sweeping
from chatd.chat.arrival import Arrival
from chatd.chat.batch import Batch
from chatd.chat.changes.rows import (
    Change,
    DropCursorsBelow,
    DropEditsBelow,
    DropFiles,
    DropMentions,
    DropPin,
    DropReactionsBelow,
    DropRepliesBelow,
    DropRoom,
    DropTallies,
    DropThreads,
    PutEmptied,
    PutTime,
    Trim,
)
from chatd.chat.counting import BLOCK
from chatd.chat.expiring import Slice
from chatd.chat.facts import Facts
from chatd.chat.files import Blobs
from chatd.chat.presence import PresenceBoard
from chatd.chat.requests import refuse, serve
from chatd.chat.rules import Kind
from chatd.chat.state import Peer, Room, Session
from chatd.chat.status import end_statuses
from chatd.chat.storage import Snapshot
from chatd.chat.typing import TypingBoard
from chatd.chat.world import Terms, World
from chatd.counters import Counters
from chatd.wire.errors import Code, ProtocolError, RequestError
from chatd.wire.limits import MAX_INT, WINDOW
from chatd.wire.messages import Hello, Request

FULL_BYTES = 33_554_432
"""Bytes that the open batch gathers, about, while the one before it is on its way to disk (P5)."""


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
        self.decide = partial(serve, self.world)
        self.presence = PresenceBoard(self.world)
        self.typing = TypingBoard()

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

    def expire(self, age: int, now: int, *, unclaimed: bool) -> Iterator[Slice]:
        """End what its time has ended, a slice in each turn: see `chatd.chat.expiring.expire`."""
        for piece in expiring.expire(self.world, age, now, unclaimed=unclaimed):
            self._work()
            yield piece

    def end_statuses(self) -> None:
        """Let nobody be away or busy any more whose time is over."""
        if end_statuses(self.world):
            self._work()

    def rename(self, session: Session, nick: str, now: int) -> None:
        """Call the user of ``session`` ``nick``, who is not let in yet. Raises `RequestError`."""
        renaming.rename(self.world, session, nick, now)
        self._work()

    # ---- requests -----------------------------------------------------------------------------------

    def refuse(self, peer: Peer, request: int, error: RequestError) -> None:
        """Answer ``request`` with a refusal, in its turn."""
        refuse(self.world, peer, request, error)
        self.call()

    def decide_found(self, peer: Peer, session: Session, request: Request, facts: Facts, now: int) -> None:
        """Decide about ``request``, for which the ``facts`` were read."""
        self.world.found = facts
        try:
            self.decide(peer, session, request, now)
        finally:
            self.world.found = None

    def call(self) -> None:
        """Have the open batch sealed, because of requests. One call for all requests of a turn is enough."""
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
        batch = self.world.batch
        if not batch:
            return None
        self.world.batch = Batch()
        return batch

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
        self.change(
            DropEditsBelow(log.id, first), DropReactionsBelow(log.id, first), DropRepliesBelow(log.id, first)
        )
        self.change(*[DropPin(log.id, seq) for seq in room.pins if seq < first])
        self.change(DropTallies(log.id, first - first % BLOCK))
        if room.mentioned is not None and room.mentioned.below(first):
            self.change(DropMentions(log.id, first))
        gone = [(user, seq) for seq, thread in room.threads.items() if seq < first for user in thread.users]
        if gone:
            self.change(DropThreads(log.id, first))
        for user, seq in gone:
            world.batch.touch(room, world.users[user], seq)
        world.batch.trim(room, first)
        self.change(*world.ages.forget(log.id, first))

    def prune_address_bans(self) -> None:
        """Drop the bans from the server that have ended."""
        if address_bans.prune(self.world):
            self._work()

    def prune(self, room: Room) -> int:
        """Drop what has ended of the bans, mutes and invitations of ``room``; return how many these were."""
        count = moderation.prune(self.world, room) if room.has("acts") else 0
        if count:
            self._work()
        return count

    def remove_deleted(self, room: Room) -> None:
        """Remove what is left of a deleted room once no event of it is kept, and nothing for its members."""
        log = room.log
        if room.rules.kind != Kind.DELETED or room.members:
            return
        if log.first > log.head == log.last and not room.acts:
            self.world.untallied.pop(log.id, None)
            self.change(DropTallies(log.id, log.first), DropCursorsBelow(log.id, MAX_INT))
            self.change(*self.world.ages.forget(log.id, log.first), DropRoom(log.id))

    def mark(self, room: Room, pause: int) -> None:
        """Note how far the log of ``room`` has grown, ``pause`` milliseconds after the last time."""
        log = room.log
        if log.head >= log.first:
            self.change(*self.world.ages.mark(log.id, log.head, self.world.calendar.now, pause))

    def keep_tally(self, room: Room) -> int:
        """Write which events of ``room`` count, where the disk has it not; return how many blocks that is."""
        log = room.log
        first = self.world.untallied.pop(log.id, None)
        rows = (
            []
            if first is None
            else list(log.tally.rows(log.id, max(first, log.first), log.head, log.removing))
        )
        self.change(*rows)
        return len(rows)

    def keep_time(self, now: int) -> None:
        """Keep the calendar on disk, and the wall clock beside it."""
        self.change(PutTime(self.world.calendar.now, now))

    def change(self, *changes: Change) -> None:
        """Make ``changes``, which become durable with the open batch. Nobody waits for that."""
        for change in changes:
            self.world.change(change)
        self._work()
