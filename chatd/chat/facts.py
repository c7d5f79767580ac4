"""Facts: what a decision about an event has to know of it and of what refers to it."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from chatd.chat.changes.rows import Change, DropReaction, PutEdit, PutReaction


class Facts(NamedTuple):
    """Event ``seq`` of ``log``, and what refers to it.

    ``stored`` is its stored form, which is empty if it is not kept. ``edits`` are the events that edit it, by
    number and in their stored form, the last one at the end; that is empty if it was not asked for.
    ``reactions`` says how many have reacted with what, ``mine`` with what the one has who asks.
    """

    log: int
    seq: int
    stored: bytes
    edits: Mapping[int, bytes]
    reactions: Mapping[str, int]
    mine: frozenset[str]

    def after(self, changes: Iterable[Change], user: int) -> "Facts":
        """Return what the facts are after ``changes`` about the event; ``user`` is who asks.

        The stored form of an edit that is not stored yet is empty.
        """
        edits, reactions, mine = dict(self.edits), dict(self.reactions), set(self.mine)
        for change in changes:
            if isinstance(change, PutEdit):
                edits[change.by] = b""
            elif isinstance(change, PutReaction):
                reactions[change.emoji] = reactions.get(change.emoji, 0) + 1
                if change.user == user:
                    mine.add(change.emoji)
            elif isinstance(change, DropReaction):
                left = reactions.pop(change.emoji, 0) - 1
                if left > 0:
                    reactions[change.emoji] = left
                if change.user == user:
                    mine.discard(change.emoji)
        return self._replace(edits=edits, reactions=reactions, mine=frozenset(mine))
