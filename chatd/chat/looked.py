"""Looked: events as they were found on the disk, with what became of them, and the answer made of that."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from msgspec import Raw
from msgspec.structs import replace

from chatd.wire.limits import PAGE_BYTES, QUOTE
from chatd.wire.messages import Became, Event, Ok, Quote, Reaction, ThreadInfo, ThreadState
from chatd.wire.stored import REMOVED, event_in, text_of


class Range(NamedTuple):
    """At most ``limit`` events from ``first`` to ``last``, from the newer end or from the older one.

    With ``thread`` only this event and the replies in its thread count.
    """

    first: int
    last: int
    limit: int
    newest: bool
    thread: int = 0


class Pinned(NamedTuple):
    """The events from ``first`` to ``last`` that are pinned."""

    first: int
    last: int


Wanted = Range | Pinned | tuple[int, ...]
"""Which events are to be looked at: those of a range, those that are pinned, or these."""


class Found(NamedTuple):
    """An event in its stored form, and its last edit; b"" if there is none."""

    seq: int
    event: bytes
    edit: bytes


class Looked(NamedTuple):
    """Events in their stored form, by number, and what became of them, all of one moment.

    ``at`` is the last event of the log by then. ``edits`` are the last edits in their stored form, by the
    event that is edited; ``reactions`` how many reacted to which event with what, ``mine`` those of the one
    who asks; ``threads`` the number of replies in each thread, and the last one; ``refs`` to what replies
    reply; ``pins`` are those that are pinned. ``quoted`` are events to which others reply.
    ``rest`` is whether more was wanted than is read for one answer.
    """

    at: int
    events: Mapping[int, bytes]
    edits: Mapping[int, bytes]
    reactions: Mapping[int, Mapping[str, int]]
    mine: frozenset[tuple[int, str]]
    threads: Mapping[int, tuple[int, int]]
    refs: Mapping[int, int]
    quoted: Mapping[int, bytes]
    pins: frozenset[int]
    rest: bool


QUOTED_BYTES: Final = 4 * PAGE_BYTES
"""Bytes that are read for the quotes of one answer, of which each is short: what it is of may be long."""

EVENT: Final = 60
"""Bytes that what became of one event takes beside texts and reactions, about."""

REACTION: Final = 40
"""Bytes that one reaction takes beside its emoji, about."""


def within(found: Iterable[Found], most: int) -> tuple[dict[int, Found], bool]:
    """Return what was ``found``, as much as ``most`` bytes hold, but one at least; and whether there is more.

    No more than one is read beyond.
    """
    size = 0
    taken: dict[int, Found] = {}
    for one in found:
        size += len(one.event) + len(one.edit)
        if taken and size > most:
            return taken, True
        taken[one.seq] = one
    return taken, False


def fitting(looked: Looked, *, newest: bool) -> list[int]:
    """Return which events fit into one answer, from the end where it begins: one at least."""
    size = 0
    taken: list[int] = []
    for seq in sorted(looked.events, reverse=newest):
        size += _size(looked, seq)
        if taken and size > PAGE_BYTES:
            break
        taken.append(seq)
    return sorted(taken)


def _size(looked: Looked, seq: int) -> int:
    size = len(looked.events[seq]) + len(looked.edits.get(seq, b"")) + EVENT
    size += sum(REACTION + len(emoji.encode()) for emoji in looked.reactions.get(seq, ()))
    return size + (6 * QUOTE if seq in looked.refs else 0)


def answer(request: int, looked: Looked, seqs: list[int], first: int, *, more: bool) -> Ok:
    """Return the answer with the events ``seqs``; of what is below ``first`` it says nothing."""
    became = [_became(looked, seq) for seq in seqs]
    if len(seqs) == 1 and _size(looked, seqs[0]) > PAGE_BYTES:  # it is read by itself where it would not fit
        became = [replace(one, text="") for one in became]
    quoted = {looked.refs[seq] for seq in seqs if seq in looked.refs}
    return Ok(
        id=request,
        events=[Raw(text_of(looked.events[seq])) for seq in seqs],
        more=more,
        at=looked.at,
        became=[one for one in became if one != Became(seq=one.seq)],
        quotes=[
            _quote(looked, seq, looked.quoted[seq])
            for seq in sorted(quoted)
            if seq in looked.quoted and seq >= first
        ],
    )


def _became(looked: Looked, seq: int) -> Became:
    edit = looked.edits.get(seq)
    edited: Event | None = None if edit is None else event_in(edit)
    replies, last = looked.threads.get(seq, (0, 0))
    counts = sorted(looked.reactions.get(seq, {}).items(), key=lambda one: (-one[1], one[0]))
    return Became(
        seq=seq,
        edit=0 if edited is None else edited.seq,
        text="" if edited is None else edited.text,
        reactions=tuple(
            Reaction(emoji=emoji, count=count, mine=(seq, emoji) in looked.mine) for emoji, count in counts
        ),
        replies=replies,
        last_reply=last,
        pinned=seq in looked.pins,
    )


def _quote(looked: Looked, seq: int, stored: bytes) -> Quote:
    event = event_in(stored)
    if event.kind == REMOVED:
        return Quote(seq=seq, by=event.by, removed=True)
    edit = looked.edits.get(seq)
    text = event.text if edit is None else event_in(edit).text
    return Quote(seq=seq, by=event.by, text=text[:QUOTE])


def thread_info(looked: Looked, state: ThreadState) -> ThreadInfo:
    """Return what is told of a thread; of its first event nothing if that was not to be read."""
    thread = state.thread
    replies, last = looked.threads.get(thread, (0, 0))
    info = ThreadInfo(thread=thread, read=state.read, unread=state.unread, replies=replies, last_reply=last)
    if thread not in looked.events:
        return info
    quote = _quote(looked, thread, looked.events[thread])
    return replace(info, by=quote.by, text=quote.text, removed=quote.removed)
