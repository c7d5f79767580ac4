"""Taking in: a batch that another machine has decided becomes part of this one's world.

Changes are applied as at the start; nothing is checked, and nothing can be taken back: all of it is durable.
What comes of it is a batch for `chatd.chat.publisher`, which lets logs grow and tells everybody here, as
where it was decided.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import structs

from chatd.chat.batch import Batch, Removal
from chatd.chat.changes.applying import apply
from chatd.chat.changes.rows import (
    Change,
    DropReaction,
    DropRoom,
    DropStatus,
    DropUser,
    Erase,
    PutEdit,
    PutFile,
    PutReaction,
    PutRoom,
    PutSession,
    PutStatus,
    PutUser,
    Reword,
)
from chatd.chat.counting import COUNTED
from chatd.chat.following import follow_everywhere, rouse
from chatd.chat.state import Room, User
from chatd.chat.storage import Changes
from chatd.chat.told import Told
from chatd.chat.world import World
from chatd.wire.messages import File
from chatd.wire.stored import event_in, known_kind_of, known_time_of

_RELATIONS: Final = (PutEdit, PutReaction, DropReaction)


class Taking:
    """What one batch becomes in ``world``: the ``batch`` that its publisher is to be told of."""

    def __init__(self, world: World, changes: Changes, told: Told) -> None:
        self.batch = Batch()
        self._world = world
        self._users: dict[int, User] = {}
        self._rooms: dict[int, Room] = {}
        self._erased: list[tuple[Room, Erase]] = []
        self._files: dict[tuple[int, int], File] = {}
        for change in changes.others:
            self._apply(change)
        for room, erased in self._erased:
            event = structs.replace(event_in(erased.stored), file=self._files.get((erased.room, erased.seq)))
            self.batch.erase(room, erased, event, None)
        for log, first, stored in changes.events:
            self._number(log, first, stored)
        for last, session in changes.sends:
            if session in world.sessions_by_id:  # the same batch may have ended it
                world.sessions_by_id[session].last = last
        self._tell(told)

    def _user(self, number: int) -> User:
        """Return a user, who may have gone with this batch."""
        return self._users.get(number) or self._world.users[number]

    def _room(self, log: int) -> Room:
        """Return a room, which may have gone with this batch."""
        return self._rooms.get(log) or self._world.rooms_by_id[log]

    def _apply(self, change: Change) -> None:
        world, batch = self._world, self.batch
        if isinstance(change, DropUser):
            self._users[change.id] = world.users[change.id]
        elif isinstance(change, DropRoom):
            self._rooms[change.id] = world.rooms_by_id[change.id]
        elif isinstance(change, PutUser | PutSession | PutRoom):
            world.saw(change)
            if isinstance(change, PutUser) and change.key is not None:
                self._rename(change)
        elif isinstance(change, Reword):
            batch.reworded.append((self._room(change.room), change))
        elif isinstance(change, Erase):
            self._erased.append((self._room(change.room), change))
        elif isinstance(change, _RELATIONS):
            batch.related.append((self._room(change.room).log, change))
        elif isinstance(change, PutStatus | DropStatus):
            row = change if isinstance(change, PutStatus) else None
            batch.stated.append((self._user(change.user), row))
        inverse = apply(world, change)
        if isinstance(inverse, PutFile):
            file = File(name=inverse.name, size=inverse.size, sha256=inverse.sha256, media=inverse.media)
            self._files[inverse.room, inverse.seq] = file

    def _rename(self, row: PutUser) -> None:
        user = self._world.users.get(row.id)
        if user is not None and user.nick != row.nick:
            self.batch.renamed.append((user, user.nick, row.nick))

    def _number(self, log: int, first: int, stored: Sequence[bytes]) -> None:
        """Let a log have events, which its head reaches with the publisher."""
        room = self._room(log)
        room.log.last = first + len(stored) - 1
        room.log.ts = known_time_of(stored[-1])
        bits = "".join(["1" if known_kind_of(event) in COUNTED else "0" for event in reversed(stored)])
        self.batch.stored[room.log] = list(stored)
        self.batch.counted[room.log] = int(bits, 2)
        if room.direct:
            room.moves_up()
            rouse(self.batch, room)

    def _tell(self, told: Told) -> None:
        batch = self.batch
        batch.deleted += [self._user(user) for user in told.deleted]
        for log, user, seq, since in told.ends:
            batch.end(Removal(self._room(log), self._user(user), seq, since))
        for log, user, cursor in told.follows:
            follow_everywhere(batch, self._room(log), self._user(user), cursor)
        for log in told.narrowed:
            batch.narrow(self._room(log))
        for log, user, thread in told.unread:
            batch.touch(self._room(log), self._user(user), thread)
        batch.gone.update((self._room(log), seq) for log, seq in told.gone)
        batch.trimmed.update((self._room(log).log, first) for log, first in told.trimmed)


def take_in(world: World, changes: Changes, told: Told) -> Batch:
    """Let ``world`` be as it is where the ``changes`` were decided, and return what is to be published."""
    return Taking(world, changes, told).batch
