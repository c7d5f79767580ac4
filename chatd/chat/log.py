"""The log: events numbered 1, 2, 3, … without holes, and the recent ones in memory.

A log knows three numbers: `first` (the oldest event still kept), `head` (the last one that is on disk) and
`last` (the last one numbered; events above `head` wait for their commit). `begun` is the head that it had
when the daemon began: the end of a restored copy. Events are opaque here: they come and stay in their stored
form, and each follower's codec makes the bytes that are handed out.

What an event says may be erased: another stored form takes its place (`chatd.chat.erasing`). ``removing`` are
the removals that are decided and not durable yet, by the event that is removed; ``pending`` are edits and
reactions that are not, by the event that they are about. ``revisions`` counts removals, edits and reactions
that are durable, so that whoever has asked the store for events knows whether these may come in an old form;
``rewrites`` counts those that change what an event says: removals and edits. The ``tally`` has which events
up to the head count as something said.
"""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, ClassVar, Protocol

from chatd.chat.calendar import DAY
from chatd.chat.changes.rows import PutEdit, Relation
from chatd.chat.codec import Codec
from chatd.chat.counting import COUNTED, Tally
from chatd.chat.fanout import Audience, Follower, Group, Outlet
from chatd.chat.later import Later, each
from chatd.wire.messages import Message
from chatd.wire.stored import known_check_of, known_kind_of

if TYPE_CHECKING:
    from chatd.chat.reader import Reader

REWRITTEN = 100
"""Removals and edits of one log of which it is known which events they concern: those of a few seconds."""

TAIL_BYTES = 262_144
"""Bytes of recent events that one log keeps in memory, so that most readers that lag need no disk."""


AT_ONCE_BYTES = 131_072
"""Bytes that a follower is handed in one piece at the most; larger batches are fetched in pages (P5)."""


class Bounds(Protocol):
    """What each reader of a log may be handed, where not all may be handed all of it."""

    def floor(self, reader: "Reader", /) -> int:
        """Return the event behind which ``reader`` may read; 0 if that is all."""

    def end(self, reader: "Reader", /) -> tuple[int, Callable[[], None]] | None:
        """Return the last event that ``reader`` may read, and what is to be done then; None if it goes on."""


class Log(Later):
    """One append-only log; ``bounds`` are asked for each page of readers that lag, where there are any."""

    __slots__ = (
        "_audiences",
        "_check",
        "_groups",
        "_rewritten",
        "_tail",
        "_tail_first",
        "_told",
        "begun",
        "bounds",
        "first",
        "head",
        "id",
        "last",
        "name",
        "pending",
        "removing",
        "revisions",
        "rewrites",
        "tail_bytes",
        "tally",
        "ts",
    )

    LATER: ClassVar = each("removing pending", dict)

    removing: dict[int, int]
    pending: dict[int, list[Relation]]

    def __init__(
        self, log_id: int, name: str, first: int = 1, head: int = 0, ts: int = 0, check: str = ""
    ) -> None:
        self.id = log_id
        self.name = name
        self.first = first
        self.begun = head
        self.head = head
        self.last = head
        self.ts = ts
        self.bounds: Bounds | None = None
        self._told = head
        self._check = (head, check)
        self._audiences: tuple[Audience, ...] = ()
        self._groups: tuple[Group, ...] = ()
        self._tail: list[bytes] = []
        self._tail_first = head + 1
        self.tail_bytes = 0
        self.tally = Tally(head)
        self.revisions = 0
        self.rewrites = 0
        self._rewritten: deque[int] | None = None

    def number(self, now: int) -> int:
        """Return the number of the next event: see `number_all`."""
        return self.number_all(1, now)

    def number_all(self, count: int, now: int) -> int:
        """Return the first number of the next ``count`` events, and make sure that `ts` does not go back.

        It goes back only from more than a day ahead: the clock was wrong then, and must not stay so for ever.
        """
        if now != self.ts and (now > self.ts or self.ts - now > DAY):
            self.ts = now
        first = self.last + 1
        self.last += count
        return first

    def grow(self, events: list[bytes], most: int) -> int:
        """Take in committed ``events``: the head moves, and at most ``most`` followers are owed them.

        Returns how many followers that is. `deliver` hands the events out; until then the followers stand
        where the head was. All others are left behind, to catch up in later turns. No earlier growth may
        still be owed.
        """
        size = len(events[0]) if len(events) == 1 else sum(map(len, events))
        if size > AT_ONCE_BYTES:
            most = 0
        self._told = self.head
        self.head += len(events)
        self._remember(events, size)
        owed = 0
        for audience in self._audiences:
            count = len(audience.followers)
            if count > most - owed:
                self._cut(audience, most - owed)
            if audience.followers:
                owed += audience.grow(events)
        return owed

    def leave_all_behind(self) -> None:
        """Let everybody catch up from where they stand, within their bounds. Nothing may still be owed."""
        self._told = self.head
        for audience in self._audiences:
            if audience.followers:
                self._cut(audience, 0)

    def _cut(self, audience: Audience, most: int) -> None:
        self._groups = (*self._groups, audience.cut(most, self._told))

    @property
    def leaves(self) -> bool:
        """Return whether some who were left behind do not know it yet: `leave` is to follow."""
        return bool(self._groups)

    def leave(self, most: int) -> int:
        """Let at most ``most`` of those catch up by themselves; return how many these were."""
        looked_at = 0
        while self._groups and looked_at < most:
            looked_at += self._groups[0].leave(self, most - looked_at)
            if not self._groups[0].members:
                self._groups = self._groups[1:]
        return looked_at

    def deliver(self, most: int) -> int:
        """Hand the growth to at most ``most`` of those who have not got it yet; return to how many."""
        count = 0
        for audience in self._audiences:
            if audience.untold and count < most:
                count += audience.deliver(most - count)
        return count

    @property
    def owes(self) -> bool:
        """Return whether somebody has not got the growth yet."""
        return any(audience.untold for audience in self._audiences)

    def tell(self, message: Message, most: int) -> Iterator[int]:
        """Hand all followers a message that is in no log; yields how many were told behind each ``most``."""
        for audience in self._audiences:
            if audience.followers:
                yield from audience.tell(message, most)

    def whisper(self, message: Message, typist: object) -> int:
        """Hand ``message``, which is about ``typist``, to who is to overhear that; return to how many."""
        return sum(audience.whisper(message, typist) for audience in self._audiences)

    @property
    def followers(self) -> list[Follower]:
        """Return those who stand at the head and are handed the growth."""
        return list(chain.from_iterable(audience.followers for audience in self._audiences))

    @property
    def audience_size(self) -> int:
        """Return how many follow the head, or are about to catch up."""
        left = sum(len(group.members) for group in self._groups)
        return left + sum(len(audience.followers) for audience in self._audiences)

    def stand(self, follower: Follower) -> int:
        """Return the last event that ``follower`` was handed."""
        for group in self._groups:
            if follower in group:
                return group.cursor
        return self._told if follower in self._audience(follower.codec).untold else self.head

    def passed(self, follower: Follower) -> int:
        """Return how many bytes had been rendered for the codec of ``follower`` where it stands now."""
        for group in self._groups:
            if follower in group:
                return group.passed
        return self._audience(follower.codec).passed(follower)

    def admit(self, follower: Follower, outlet: Outlet) -> None:
        """Hand ``follower`` the growth from now on; it stands at the head."""
        self._audience(follower.codec).followers[follower] = outlet

    def dismiss(self, follower: Follower) -> None:
        """Let ``follower`` go; it is handed nothing any more."""
        self._audience(follower.codec).dismiss(follower)
        for group in self._groups:
            group.members.pop(follower, None)

    def _audience(self, codec: Codec) -> Audience:
        for audience in self._audiences:
            if audience.codec is codec:
                return audience
        audience = Audience(codec)
        self._audiences = (*self._audiences, audience)
        return audience

    def forget_uncommitted(self) -> None:
        """Take back the numbers of events whose commit failed."""
        self.last = self.head

    def forget_tail(self) -> None:
        """Keep nothing in memory but the head's check; readers go to the store."""
        self._check = (self.head, self.check(self.head) or "")
        self._tail = []
        self._tail_first = self.head + 1
        self.tail_bytes = 0
        for audience in self._audiences:
            audience.forget_page()

    def recall(self, seq: int) -> bytes | None:
        """Return the stored form of event ``seq`` if memory has it."""
        at = seq - self._tail_first
        return self._tail[at] if 0 <= at < len(self._tail) else None

    def erase(self, seq: int, stored: bytes) -> None:
        """Put ``stored`` in the place of event ``seq``, as the disk has, and hand its old form to nobody.

        The growth may not be owed to anybody yet that has the old form in it.
        """
        self.removing.pop(seq, None)
        self.reword(seq, stored)

    def reword(self, seq: int, stored: bytes) -> None:
        """Do the same for an event that is not removed, of which only the wording is erased."""
        self.revisions += 1
        self.tally.put(seq, known_kind_of(stored) in COUNTED)
        self._rewrite(seq)
        before = self.recall(seq)
        if before is not None:
            self._tail[seq - self._tail_first] = stored
            self.tail_bytes += len(stored) - len(before)
            for audience in self._audiences:
                audience.forget_page()
        if seq == self._check[0]:
            self._check = (seq, "")

    def pend(self, change: Relation) -> None:
        """Note what is decided about an event, and not durable yet."""
        self.pending.setdefault(change.seq, []).append(change)

    def unpend(self, change: Relation) -> None:
        """Forget what was decided: it is not to be, or the disk knows it."""
        pending = self.pending[change.seq]
        pending.remove(change)
        if not pending:
            del self.pending[change.seq]

    def settle(self, change: Relation) -> None:
        """Note that what was decided is durable."""
        self.unpend(change)
        self.revisions += 1
        if isinstance(change, PutEdit):
            self._rewrite(change.seq)

    def _rewrite(self, seq: int) -> None:
        if self._rewritten is None:
            self._rewritten = deque(maxlen=REWRITTEN)
        self.rewrites += 1
        self._rewritten.append(seq)

    def rewritten_since(self, rewrites: int) -> frozenset[int] | None:
        """Return which events were removed or edited since there were so many ``rewrites``, None if many."""
        count = self.rewrites - rewrites
        if count > REWRITTEN:
            return None
        return frozenset(list(self._rewritten or ())[-count:]) if count else frozenset()

    def check(self, seq: int) -> str | None:
        """Return the check of event ``seq`` (`chatd.wire.check`) if memory knows it.

        It is empty if the event was removed.
        """
        stored = self.recall(seq)
        if stored is not None:
            return known_check_of(stored)
        known, check = self._check
        return check or None if seq == known else None

    def recent(self, codec: Codec, after: int, limit: int, last: int) -> tuple[int, bytes] | None:
        """Return events above ``after`` up to ``last``, at least one and about ``limit`` bytes, from memory.

        They come as their number and their bytes in ``codec``, the same object for all who ask for the same.
        Returns None if memory does not reach back that far, and no events at the head.
        """
        begin = after + 1 - self._tail_first
        if begin < 0:
            return None
        if last < self.head:
            events = self._read_tail(begin, limit)[: last - after]
            return len(events), codec.render(events)
        audience = self._audience(codec)
        asked = (after, limit, self.head)
        if audience.asked != asked:
            audience.make_page(asked, self._read_tail(begin, limit))
        return audience.page

    def _read_tail(self, begin: int, limit: int) -> list[bytes]:
        size = 0
        end = begin
        while end < len(self._tail) and size < limit:
            size += len(self._tail[end])
            end += 1
        return self._tail[begin:end]

    def _remember(self, events: list[bytes], size: int) -> None:
        self._tail += events
        self.tail_bytes += size
        if self.tail_bytes <= TAIL_BYTES:
            return
        left, drop = self.tail_bytes, 0
        for event in self._tail:
            left -= len(event)
            drop += 1
            if left <= TAIL_BYTES // 2:
                break
        self.tail_bytes = left
        del self._tail[:drop]
        self._tail_first += drop
