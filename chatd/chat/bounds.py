"""Bounds: what readers may be handed of a room, where that was narrowed since they follow it.

They are asked when a page is made for a reader that lags. So what narrows the reading of thousands at once
costs no look at each of them.
"""

from collections.abc import Callable
from functools import partial

from chatd.chat.reader import Reader
from chatd.chat.state import Peer, Room, User
from chatd.chat.sweeps import Sweep

Part = Callable[[Peer, User, Room], None]
"""Ends that a connection follows a room."""


class RoomBounds:
    """The bounds of ``room``, as they are durable: a `chatd.chat.log.Bounds`.

    Where it is ``since_join``, members read nothing from before they came. Whom one of ``sweeps`` concerns
    reads nothing behind its event; ``part`` is done then.
    """

    def __init__(self, room: Room, since_join: bool, sweeps: tuple[Sweep, ...], part: Part) -> None:
        self._room = room
        self._since_join = since_join
        self._sweeps = sweeps
        self._part = part

    def floor(self, reader: Reader) -> int:
        """Return the event behind which ``reader`` may read; 0 if that is all."""
        session = reader.peer.session
        member = None if session is None else self._room.members.get(session.user)
        return max(0, member.since - 1) if self._since_join and member is not None else 0

    def end(self, reader: Reader) -> tuple[int, Callable[[], None]] | None:
        """Return the last event that ``reader`` may read, and what is to be done then; None if it goes on."""
        peer: Peer = reader.peer
        if peer.session is None:
            return None
        user = peer.session.user
        ends = [sweep.seq for sweep in self._sweeps if sweep.bars(user, peer.peer_host)]
        return (min(ends), partial(self._part, peer, user, self._room)) if ends else None
