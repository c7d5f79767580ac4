"""The publisher: lets logs grow by what is on disk, tells everybody, and takes back what could not be kept.

The hub decides and collects; the committer has each batch written and tells the publisher what became of it.
"""

from collections.abc import Sequence
from typing import Final

from chatd.chat import following, sweeping
from chatd.chat.batch import Answer, Batch, Later
from chatd.chat.log import Log
from chatd.chat.state import Peer, Room, User
from chatd.chat.unread_board import UnreadBoard
from chatd.chat.world import World
from chatd.counters import Counters
from chatd.wire.errors import CloseReason, Code, ProtocolError
from chatd.wire.messages import Error, Event, Goodbye, Message, Ok

WARM_BYTES = 67_108_864
"""Bytes of recent events that all logs together keep in memory; the longest untouched are dropped first."""

AT_ONCE = 1500
"""Followers that are handed events in one turn, so that it stays under 20 ms; all others catch up (P6)."""

LEFT_AT_ONCE = 1000
"""Followers that begin to catch up in one turn: two milliseconds of work."""

HALF = 32
"""Followers that are handed a batch in one turn at least, even if half of them are fewer."""

_STORAGE: Final = (
    "The server cannot write to its disk now; nothing was lost of what was acknowledged. Try again later."
)


class Publisher:
    """Says what became of the batches of ``world``, and bounds what logs keep in memory.

    ``counters`` are those of the whole daemon.
    """

    def __init__(self, world: World, counters: Counters) -> None:
        self._world = world
        self._counters = counters
        self._grown: list[Log] = []
        self._leaving: dict[Log, None] = {}
        self._share = 0
        self._unread = UnreadBoard(world)
        self._warm: dict[Log, None] = {}
        self._warm_bytes = 0

    def committed(self, batch: Batch) -> None:
        """Let the logs grow by ``batch``, which is durable, and give its answers; `deliver` is to follow.

        Plain answers come first, so that senders go on while everybody is served. Answers that are made only
        now, such as a welcome with its cursors, need the logs as they are afterwards.
        """
        if self._grown:
            self._deliver(AT_ONCE)
        for peer, answers in batch.answers.items():
            try:
                peer.reply(answers, len(answers))
            except Exception:  # noqa: BLE001 - a fault costs that peer alone (P8)
                peer.fault()
        if not batch.plain:
            self._take_in(batch)
        self._grow(batch)
        if batch.later:
            self._deliver(AT_ONCE)
        for peer, told in batch.later.items():
            try:
                _tell(peer, [message for one in told for message in _messages(one)])
            except Exception:  # noqa: BLE001 - a fault costs that peer alone (P8)
                peer.fault()
        if not batch.plain:
            self._unread.add(batch)

    def _grow(self, batch: Batch) -> None:
        """Let the logs grow, which owe that to their followers."""
        most = AT_ONCE
        untallied = self._world.untallied
        for log, events in batch.stored.items():
            untallied.setdefault(log.id, log.head + 1)
            log.tally.grow(log.head, len(events), batch.counted[log])
            before = log.tail_bytes
            owed = log.grow(events, most)
            most -= owed
            if log.leaves:
                self._leaving[log] = None
            self._count(log, events, owed)
            self._grown.append(log)
            self._keep_warm(log, log.tail_bytes - before)
        self._share = max(HALF, (AT_ONCE - most + 1) // 2)

    def _take_in(self, batch: Batch) -> None:
        """Let memory and connections know what ``batch`` changes besides that logs grow."""
        now = self._world.calendar.now
        self._revise(batch)
        for removal in batch.ends:
            following.end(removal, now)
        self._tell_of_users(batch)
        for room in batch.narrowed:
            last = room.log.head + len(batch.stored.get(room.log, ()))
            downloading = [] if self._world.blobs is None else self._world.blobs.downloading()
            following.narrow(room, last, downloading, now)
            self._let_leave(room.log)

    def _tell_of_users(self, batch: Batch) -> None:
        for user in batch.deleted:
            self._world.tell_deleted(user)
        for user, row in batch.stated:
            self._world.statuses.settle(user.id, row)
            self._world.tell_stated(user)
        for user, old, new in batch.renamed:
            self._world.tell_renamed(user, old, new)

    def _count(self, log: Log, events: list[bytes], owed: int) -> None:
        counters, number = self._counters, len(events)
        counters.events += number
        counters.room_events[log.id] += number
        counters.deliveries += owed * number
        if owed:
            counters.bytes_out += owed * sum(map(len, events))  # as frames; lines differ by a few bytes

    def _revise(self, batch: Batch) -> None:
        """Let memory hold nothing of what was removed, nor of edits and reactions: the disk has them."""
        for log, relation in batch.related:
            log.settle(relation)
        for room, reworded in batch.reworded:
            room.log.reword(reworded.seq, reworded.stored)
        for room, change, event, author in batch.erased:
            room.log.erase(change.seq, change.stored)
            if event.file is not None:
                self._let_go(room, event, author)

    def _let_go(self, room: Room, event: Event, author: User | None) -> None:
        """Let nobody have the file any more that ``event`` of ``room`` has posted, which was removed."""
        world = self._world
        if world.blobs is None or event.file is None:
            return
        following.end_removed(room, event.seq, world.blobs.downloading())
        if event.file.sha256 not in world.posted:
            world.blobs.released(event.file.sha256, None if author is None else author.id)

    def deliver(self) -> bool:
        """Hand the growth to some of the followers; return whether anybody waits, maybe for a notice.

        A large room is served in two halves: requests that come in meanwhile are decided between them, and
        become durable during the second.
        """
        if self._grown:
            self._deliver(self._share)
        if self._leaving:
            self._leave()
        if self._unread:
            self._unread.tell()
        return bool(self._grown or self._leaving or self._unread)

    def _let_leave(self, log: Log) -> None:
        if log.leaves:
            self._leaving[log] = None

    def _leave(self) -> None:
        """Let some of those who were left behind catch up: thousands are told of it in several turns."""
        most = LEFT_AT_ONCE
        while self._leaving and most > 0:
            log = next(iter(self._leaving))
            most -= log.leave(most)
            if not log.leaves:
                del self._leaving[log]

    def _deliver(self, most: int) -> None:
        while self._grown and most > 0:
            log = self._grown[-1]
            most -= log.deliver(most)
            if most > 0 or not log.owes:
                self._grown.pop()

    def failed(self, batch: Batch, open_batch: Batch) -> None:
        """Take back ``batch``, whose commit failed, and the open one, which was built upon it."""
        open_batch.undo(self._world)
        batch.undo(self._world)
        sweeping.begin_again(self._world)
        for taken_back in (
            batch,
            open_batch,
        ):  # what a notice or a welcome has told meanwhile may be of these
            self._unread.add(taken_back)
        for room, user, *_ in batch.ends + open_batch.ends:
            if user in room.members:
                following.follow_everywhere(self._world.batch, room, user, room.start_of(user))
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
        open_batch.let_go()

    def _still_here(self, peer: Peer) -> bool:
        """Refuse the hello of ``peer`` if its session could not be stored."""
        session = peer.session
        if session is None or session.digest in self._world.sessions:
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
