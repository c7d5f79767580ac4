"""Unread: what of a room a member has not read, as it is on the disk."""

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from chatd.chat.mentioned import ALL, everybody_but
from chatd.wire.limits import MAX_UNREAD_MENTIONS

if TYPE_CHECKING:
    from chatd.chat.state import Room, User


class Unread(NamedTuple):
    """How much is unread, how many mentions are among it, and the event of the first of these, or 0."""

    unread: int
    mentions: int = 0
    mention: int = 0


def unread_of(room: "Room", user: "User") -> Unread:
    """Return what ``user``, a member, has not read of ``room``. It costs a microsecond or two."""
    log = room.log
    after = max(room.members[user].read, log.first - 1)
    unread = log.tally.above(after)
    mentioned = room.mentioned
    if mentioned is None:
        return Unread(unread)
    seqs = [*mentioned.of(user.id)]
    calls = mentioned.of(ALL)
    if calls:
        mine = everybody_but(user.id)
        called = (seq for seq in calls[bisect_right(calls, after) :] if mine not in mentioned.whom(seq))
        seqs = sorted({*seqs, *called})
    del seqs[bisect_right(seqs, log.head) :]
    return Unread(unread, min(len(seqs), MAX_UNREAD_MENTIONS), seqs[0] if seqs else 0)
