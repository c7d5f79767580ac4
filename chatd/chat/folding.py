"""Folding: what is kept beside a log, worked out from its events alone.

The tables of edits, replies, reactions and pins are written in the transaction of each event
(`chatd.chat.relations`, `chatd.chat.erasing`). Whatever has become of them, this is what they should hold.
Another table of that kind is one more kind of row here, with what is said of it. What concerns members is
worked out in `chatd.chat.concerns`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from chatd.chat.changes.rows import PutEdit, PutMention, PutPin, PutReaction, PutReply, PutTally, PutThread
from chatd.chat.counting import BLOCK
from chatd.chat.relations import KINDS
from chatd.wire.messages import Event
from chatd.wire.names import fold as key_of


class ReactionCount(NamedTuple):
    """Event ``seq`` of ``room`` has ``total`` reactions with ``emoji``."""

    room: int
    seq: int
    emoji: str
    total: int


class ReplyCount(NamedTuple):
    """The thread of event ``thread`` of ``room`` has ``total`` replies, and ``last`` is the last one."""

    room: int
    thread: int
    total: int
    last: int


Row = (
    PutEdit | PutReply | ReplyCount | PutReaction | ReactionCount | PutPin | PutTally | PutMention | PutThread
)
Rows = Mapping[type[Row], set[Row]]

SENTENCES: Final[Mapping[type[Row], str]] = {
    PutEdit: "event {by} edits event {seq}",
    PutReply: "event {seq} replies to event {ref} in the thread of event {thread}",
    ReplyCount: "event {thread} has {total} replies, of which event {last} is the last",
    PutReaction: "event {by} of user {user} reacts to event {seq} with {emoji}",
    ReactionCount: "event {seq} has {total} reactions with {emoji}",
    PutPin: "event {by} pins event {seq}",
    PutTally: "those of events {seq} to {upto} count that the block of event {seq} names",
    PutMention: "event {seq} mentions user {user}",
    PutThread: "user {user} has read the thread of event {seq} up to event {read}",
}
"""What each row says."""


def about(row: Row) -> int:
    """Return the number of the event that ``row`` is about."""
    return row.thread if isinstance(row, PutReply | ReplyCount) else row.seq


class _Reaction(NamedTuple):
    by: int
    nick: str


class Fold:
    """The sum of the events of log ``room`` that are kept, which are taken in their order.

    ``user_of`` returns the id of the user who has caused an event, 0 if that is not known any more: a guest
    who is gone, mostly.
    """

    def __init__(self, room: int, user_of: Callable[[Event], int]) -> None:
        self._room = room
        self._user_of = user_of
        self._says: set[int] = set()
        self._last = 0
        self._edits: set[Row] = set()
        self._replies: set[Row] = set()
        self._threads: dict[int, tuple[int, int]] = {}
        self._reactions: dict[tuple[int, str], dict[int, _Reaction]] = {}
        self._pins: dict[int, int] = {}

    def take(self, event: Event) -> None:
        """Take the next event."""
        kind, ref = event.kind, event.ref
        self._last = event.seq
        if kind in KINDS:
            self._says.add(event.seq)
        if event.thread:
            self._replies.add(PutReply(self._room, event.seq, event.thread, ref))
            count, _ = self._threads.get(event.thread, (0, 0))
            self._threads[event.thread] = count + 1, event.seq
        elif ref not in self._says:
            return  # what it is about says nothing, or nothing any more
        elif kind == "edit":
            self._edits.add(PutEdit(self._room, ref, event.seq))
        elif kind == "react":
            user = self._user_of(event) or -event.seq
            there = self._reactions.setdefault((ref, event.value), {})
            there.setdefault(user, _Reaction(event.seq, key_of(event.by)))
        elif kind == "unreact":
            self._take_back(event, self._reactions.get((ref, event.value), {}))
        elif kind == "pin":
            self._pins.setdefault(ref, event.seq)
        elif kind == "unpin":
            self._pins.pop(ref, None)

    def _take_back(self, event: Event, there: dict[int, _Reaction]) -> None:
        """Take a reaction back: that of the same user, or of the same nick where a user is not known."""
        user, nick = self._user_of(event), key_of(event.by)
        if user not in there:
            user = next((one for one, reaction in there.items() if reaction.nick == nick), 0)
        there.pop(user, None)

    def allows(self, row: PutTally, first: int) -> bool:
        """Return whether ``row`` may be kept of a log whose first event is ``first``; none need be."""
        begin = max(first, row.seq)
        bits = int.from_bytes(row.bits, "little") >> (begin - row.seq)
        count = sum(1 << (seq - begin) for seq in range(begin, row.upto + 1) if seq in self._says)
        whole = row.seq % BLOCK == 0 and row.upto <= min(self._last, row.seq + BLOCK - 1)
        return whole and bits == count

    def rows(self) -> dict[type[Row], set[Row]]:
        """Return the rows that should be kept, by their kind."""
        room = self._room
        reactions = [(of, users) for of, users in self._reactions.items() if users]
        return {
            PutEdit: self._edits,
            PutReply: self._replies,
            ReplyCount: {ReplyCount(room, thread, *row) for thread, row in self._threads.items()},
            PutReaction: {
                PutReaction(room, user, seq, emoji, one.by)
                for (seq, emoji), users in reactions
                for user, one in users.items()
            },
            ReactionCount: {ReactionCount(room, seq, emoji, len(users)) for (seq, emoji), users in reactions},
            PutPin: {PutPin(room, seq, by) for seq, by in self._pins.items()},
        }


def differences(should: Rows, are: Rows) -> Iterator[tuple[Row, bool]]:
    """Yield each row that is not kept and should be, or the other way round, and whether it should."""
    for kind, rows in should.items():
        yield from ((row, True) for row in sorted(rows - are[kind]))
        yield from ((row, False) for row in sorted(are[kind] - rows))


def sentences(name: str, found: Iterable[tuple[Row, bool]]) -> Iterator[str]:
    """Yield a sentence about each difference in the log that is called ``name``."""
    for row, should in found:
        said = SENTENCES[type(row)].format(**row._asdict())
        yield (
            f"In {name}, it is not kept that {said}."
            if should
            else f"In {name}, it is kept that {said}; the log says otherwise."
        )
