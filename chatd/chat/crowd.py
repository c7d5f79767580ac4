"""Crowds: the members of a room as they were loaded, in a few strings, until somebody asks for one of them.

Most rooms sleep most of the time. Awake, a membership takes some 150 bytes, and making it more time than all
else that is done for it at the start; asleep it takes 40.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple, TypeVar, cast

from chatd.chat.changes.rows import PutMember
from chatd.chat.rules import Standing

LARGE: Final = 1000
"""Members of a room that is awake from the start: to wake it would hold the reactor for a millisecond."""

Who = TypeVar("Who")


class Membership(NamedTuple):
    """A room's knowledge of a member.

    ``read`` is the last event that counts as read, ``role`` one of `ROLES`, ``since`` the event by which the
    member has joined, the first that may be read where newcomers see no history; 0 if that is not known.
    """

    read: int
    role: int = Standing.MEMBER
    since: int = 0

    @property
    def reads_only(self) -> bool:
        """Return whether this is a reader, of whom the room's log does not tell."""
        return self.role == Standing.READER

    def settled(self, head: int) -> bool:
        """Return whether the membership is durable if ``head`` is the last durable event.

        A reader comes by no event, and what may be read by being one comes behind that.
        """
        return self.reads_only or self.since <= head


class Crowd(NamedTuple):
    """The members of ``room``: in the same order the ids of the users, and what `Membership` has of each.

    In each string they stand in decimal, with blanks between them.
    """

    room: int
    users: str
    reads: str
    roles: str
    sinces: str

    @property
    def size(self) -> int:
        """Return how many they are."""
        return self.users.count(" ") + 1

    @property
    def has_readers(self) -> bool:
        """Return whether anybody among them is a reader."""
        return str(int(Standing.READER)) in self.roles.split(" ")

    def rows(self) -> Iterator[PutMember]:
        """Yield the stored form of each."""
        columns = (map(int, column.split(" ")) for column in self[1:])
        for user, read, role, since in zip(*columns, strict=True):
            yield PutMember(self.room, user, read, role, since)

    def members(self, users: Mapping[int, Who]) -> dict[Who, Membership]:
        """Return them; ``users`` are by their ids."""
        whom, *marks = (map(int, column.split(" ")) for column in self[1:])
        found = dict(zip(map(users.get, whom), map(Membership, *marks), strict=True))
        found.pop(None, None)
        return cast("dict[Who, Membership]", found)


class Haunts(NamedTuple):
    """The ids of the ``rooms`` that ``user`` is in, in decimal, with blanks between them."""

    user: int
    rooms: str

    def of(self, rooms: Mapping[int, Who]) -> dict[Who, None]:
        """Return the rooms, in their order; ``rooms`` are by their ids."""
        numbers = sorted(map(int, self.rooms.split(" ")))
        return {rooms[number]: None for number in numbers if number in rooms}


def crowds_of(rows: Iterable[PutMember]) -> tuple[list[Crowd], list[Haunts]]:
    """Return the memberships in ``rows`` asleep: by room, and by user."""
    rooms: dict[int, list[PutMember]] = {}
    users: dict[int, list[int]] = {}
    for row in sorted(rows):
        rooms.setdefault(row.room, []).append(row)
        users.setdefault(row.user, []).append(row.room)
    crowds = []
    for room, members in rooms.items():
        _, *columns = zip(*members, strict=True)
        crowds.append(Crowd(room, *map(_joined, columns)))
    return crowds, [Haunts(user, _joined(haunts)) for user, haunts in sorted(users.items())]


def _joined(numbers: Iterable[int]) -> str:
    return " ".join(str(int(number)) for number in numbers)
