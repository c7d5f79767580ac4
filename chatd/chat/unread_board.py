"""The board of what is unread: tells devices where that changed otherwise than by what is said.

They count what is said by themselves. A mark that another device has moved, and what was removed, edited or
is kept no more, they cannot count. A notice says what is unread up to the head that it names, when it is
made: so the latest one is all that is needed, and the order of events and notices does not matter.
"""

from array import array
from collections.abc import MutableSequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from chatd.chat.batch import Batch
from chatd.chat.changes.records import Records
from chatd.chat.permissions import may_follow
from chatd.chat.state import Peer, Room, User
from chatd.chat.threads import state_of, states
from chatd.chat.unread import unread_of
from chatd.wire.messages import Following, Unread

AT_ONCE: Final = 300
"""Users who are told in one turn: some milliseconds of work (P6)."""

LOOKED_AT: Final = 3000
"""Members of rooms who are looked at in one turn: a millisecond."""


@dataclass(slots=True)
class _Round:
    """A look at the members of a room, of whom those with the ids ``left`` are left; None before it began.

    Told are those who have not read event ``seq``; another round is for those who have not read ``again``.
    """

    left: MutableSequence[int] | None
    seq: int
    again: int = 0


class UnreadBoard:
    """Whom a notice waits for in ``world``: `add` says of which batch, `tell` goes on."""

    def __init__(self, world: Records) -> None:
        self._world = world
        self._due: dict[tuple[Room, User, int], None] = {}
        self._rounds: dict[Room, _Round] = {}

    def __bool__(self) -> bool:
        return bool(self._due or self._rounds)

    def add(self, batch: Batch) -> None:
        """Tell whom ``batch`` concerns, which is durable or was taken back."""
        if not batch.undone:
            for log, first in batch.trimmed.items():
                log.tally.forget(first)
        self._due.update(batch.unread)
        for room, seq in batch.gone.items():
            known = self._rounds.get(room)
            if known is None:
                self._rounds[room] = _Round(None, seq)
            else:
                known.again = max(known.again, seq)

    def tell(self) -> None:
        """Tell some."""
        told = looked = 0
        while self._rounds and looked < LOOKED_AT and len(self._due) < AT_ONCE:
            looked += self._look(next(iter(self._rounds)), LOOKED_AT - looked)
        while self._due and told < AT_ONCE:
            room, user, thread = next(iter(self._due))
            del self._due[room, user, thread]
            told += 1
            for session in user.sessions:
                if session.peer is not None:
                    _inform(session.peer, room, user, thread)

    def _look(self, room: Room, most: int) -> int:
        """Look at some of the members who are left, or see who they are; return how many these were."""
        one = self._rounds[room]
        if one.left is None:
            seq, members = one.seq, room.members.items()
            one.left = array("q", [user.id for user, member in members if member.read < seq])
            return len(members)
        count = 0
        while one.left and count < most:
            count += 1
            user = self._world.users.get(one.left.pop())
            member = None if user is None else room.members.get(user)
            if user is not None and member is not None and member.read < one.seq and user.connected:
                self._due[room, user, 0] = None
                for state in states(room, user):
                    self._due[room, user, state.thread] = None
                if len(self._due) >= AT_ONCE:
                    break
        if not one.left:
            del self._rounds[room]
            if one.again:
                self._rounds[room] = _Round(None, one.again)
        return count + 1


def _inform(peer: Peer, room: Room, user: User, thread: int) -> None:
    try:
        if peer.reader.follows(room.log):
            peer.reader.inform(room.log, partial(_notice, peer, room, user, thread), thread)
    except Exception:  # noqa: BLE001 - a fault costs that peer alone (P8)
        peer.fault()


def _notice(peer: Peer, room: Room, user: User, thread: int) -> Unread | Following | None:
    """Return what ``peer`` of ``user`` is told of ``room``, or of a ``thread``; None if nothing."""
    log = room.log
    if not may_follow(user, room, peer.peer_host) or not peer.reader.follows(log) or peer.reader.stops(log):
        return None
    if thread:
        return Following(threads=[state_of(room, user, thread)])
    unread, mentions, mention = unread_of(room, user)
    return Unread(
        room=log.name,
        head=log.head,
        read=room.members[user].read,
        unread=unread,
        mentions=mentions,
        mention=mention,
    )
