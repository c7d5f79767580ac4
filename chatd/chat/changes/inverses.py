"""Inverses: what takes a change back where no change of a store does."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from chatd.chat.changes.records import Records
from chatd.chat.changes.rows import Change, PutThread, PutUser, Relation
from chatd.chat.state import Room, Session, User
from chatd.chat.storage import StoredRoom
from chatd.chat.sweeps import Sweep
from chatd.chat.thread import Thread


class RestoreUser(NamedTuple):
    """The inverse of `DropUser`: the same object is back, since others may know it."""

    user: User
    row: PutUser


class DropAccount(NamedTuple):
    """The inverse of the first `PutAccount`: the user was a guest."""

    user: int


class DropNick(NamedTuple):
    """The inverse of `PutNick`."""

    key: str


class RestoreSession(NamedTuple):
    """The inverse of `DropSession`: the same object is back, with all that is not in its row."""

    session: Session


class RestoreRoom(NamedTuple):
    """The inverse of `DropRoom`: the same object is back, since others may know it."""

    room: Room


class NoteRemoving(NamedTuple):
    """Event ``by`` is to remove event ``seq``, which memory obeys only when it is durable; 0: none is."""

    room: int
    seq: int
    by: int


class RestoreThread(NamedTuple):
    """The inverse of the last `DropThread` about a thread: its replies are known again, with ``row``."""

    room: int
    seq: int
    thread: Thread
    row: PutThread


class NoteUntallied(NamedTuple):
    """It is not on the disk which events of a log count, from ``seq`` on."""

    room: int
    seq: int


class Unpend(NamedTuple):
    """The inverse of what is decided about an event: it is not to be."""

    change: Relation


class NoteSpoken(NamedTuple):
    """A member spoke in a slow room ``at`` a time of the calendar; None if not since it became slow."""

    room: int
    user: int
    at: int | None


class SetSweeps(NamedTuple):
    """The removals of many members that are under way in a room."""

    room: int
    sweeps: "tuple[Sweep, ...]"


class Several(NamedTuple):
    """Changes that are applied one after the other."""

    changes: "tuple[Applied, ...]" = ()


Applied = (
    Change
    | StoredRoom
    | RestoreUser
    | DropAccount
    | DropNick
    | RestoreSession
    | RestoreRoom
    | NoteRemoving
    | NoteUntallied
    | RestoreThread
    | Unpend
    | NoteSpoken
    | SetSweeps
    | Several
)
"""What can be applied. A store is handed none of those that are not a `Change`."""

NOTHING: Final = Several()
"""The inverse of what changes nothing in memory."""

Apply = Callable[[Records, Any], Applied]
"""Makes a change in memory and returns its inverse."""
