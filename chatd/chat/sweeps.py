"""Sweeps: many members who are removed from a room, a slice of them at a time, so that no turn is long (P6).

A sweep begins with the event that says why: a ban of addresses, or the deletion of the room. Whom it is about
is refused, and handed nothing behind that event, from its commit on (`Sweep.bars`), however long it takes
until the membership itself ends. `chatd.chat.sweeping` does that.
"""

from array import array
from collections.abc import MutableSequence
from dataclasses import dataclass, field
from operator import attrgetter

from chatd.chat.networks import within
from chatd.chat.state import Room, User


@dataclass(slots=True, eq=False)
class Sweep:
    """The removal of the members of ``room`` who come from ``network``, because of event ``seq``.

    Spared are operators, whoever stands as high as ``standing``, and who has joined since. Without a network
    it does not matter where they come from: a room that becomes private has no readers. Without a standing
    all go, because the room was deleted. ``by`` did it, for some ``reason``, and with ``operator`` as an
    operator of the server. ``left`` are the ids of members who have not been looked at yet, ``noted`` counts
    the removals of which something was kept, as it is of all if these are ``few``.
    """

    room: Room
    seq: int
    network: str = ""
    standing: int = 0
    by: str = ""
    reason: str = ""
    operator: bool = False
    left: MutableSequence[int] = field(default_factory=list)
    noted: int = 0
    few: bool = False

    def begin(self) -> None:
        """Look at everybody, again if that was done: what was decided meanwhile was taken back.

        It is an array, since the garbage collector would look into a list of a hundred thousand for long.
        """
        self.left = array("q", map(attrgetter("id"), self.room.members))

    @property
    def deletes(self) -> bool:
        """Return whether it is the deletion of the room, so that nobody is spared."""
        return not self.network and not self.standing

    def concerns(self, user: User) -> bool:
        """Return whether ``user`` is to be removed."""
        here = not self.network or any(self.covers(one.host) for one in user.sessions)
        return here and self._reaches(user)

    def bars(self, user: User, host: str) -> bool:
        """Return whether ``user`` at ``host`` counts as removed already."""
        return self.covers(host) and self._reaches(user)

    def covers(self, host: str) -> bool:
        """Return whether ``host`` is one of the addresses."""
        return not self.network or within(host, self.network)

    def _reaches(self, user: User) -> bool:
        if self.deletes:
            return True
        member = self.room.members.get(user)
        if member is None:
            return not user.operator
        return not user.operator and member.role < self.standing and member.since <= self.seq


def is_barred(room: Room, user: User, host: str) -> bool:
    """Return whether ``user`` at ``host`` is about to be removed from ``room``, and counts as removed."""
    return any(sweep.bars(user, host) for sweep in room.sweeps)
