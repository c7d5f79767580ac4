"""Read markers (ircv3.net, "read-marker"): up to which time somebody has read, on all of their devices.

The mark of a room is what is kept; a marker is of a time, so that the exact one that a client has named is
remembered while the daemon runs.
"""

from typing import Final

from chatd.chat.state import Room, User
from chatd.server.irc.rendering import time_of
from chatd.wire.stored import known_time_of

MOST: Final = 200
"""Markers of one user that are remembered; the oldest goes first."""


MOST_USERS: Final = 1000
"""Users of whom markers are remembered; who has set none for the longest time goes first."""


class Marks:
    """The markers of all users, by their ids and by the folded names of targets."""

    def __init__(self) -> None:
        self._marks: dict[int, dict[str, str]] = {}

    def known(self, user: User, target: str) -> str:
        """Return the marker that was named, or nothing."""
        return self._marks.get(user.id, {}).get(target, "")

    def put(self, user: User, target: str, time: str) -> None:
        """Remember a marker."""
        marks = self._marks[user.id] = self._marks.pop(user.id, {})
        if len(self._marks) > MOST_USERS:
            del self._marks[next(iter(self._marks))]
        marks.pop(target, None)
        marks[target] = time
        if len(marks) > MOST:
            del marks[next(iter(marks))]

    def forget(self, user: User) -> None:
        """Remember none of ``user``, a guest who has gone."""
        self._marks.pop(user.id, None)


def unread_from(room: Room, user: User) -> int:
    """Return the last event that ``user`` has marked as read in ``room``; 0 if they have marked none."""
    member = room.members.get(user)
    return member.read if member is not None and member.read > max(0, member.since - 1) else 0


def at_hand(room: Room, seq: int) -> str:
    """Return the time of event ``seq`` of ``room`` if memory has it, else nothing."""
    stored = room.log.recall(seq)
    ts = known_time_of(stored) if stored is not None else 0
    return time_of(ts) if ts else ""
