"""The interface to the store: its tables, what is written and loaded at once, and the `Store`."""

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from chatd.chat.changes.rows import (
    Change,
    DropAct,
    DropAddressBan,
    DropAllow,
    DropBlock,
    DropCertificate,
    DropCursor,
    DropCursors,
    DropCursorsBelow,
    DropEdit,
    DropEdits,
    DropEditsBelow,
    DropErasure,
    DropFile,
    DropFiles,
    DropHook,
    DropHookKey,
    DropHookKeys,
    DropInvite,
    DropMark,
    DropMarks,
    DropMember,
    DropMention,
    DropMentions,
    DropMetadata,
    DropPin,
    DropPlace,
    DropReaction,
    DropReactions,
    DropReactionsBelow,
    DropRepliesBelow,
    DropReply,
    DropRoom,
    DropScram,
    DropSession,
    DropStatus,
    DropTallies,
    DropTally,
    DropThread,
    DropThreads,
    DropUpload,
    DropUser,
    PutAccount,
    PutAct,
    PutAddressBan,
    PutAllow,
    PutBlock,
    PutCertificate,
    PutCursor,
    PutEdit,
    PutEmptied,
    PutErasure,
    PutFile,
    PutHook,
    PutHookKey,
    PutInvite,
    PutMark,
    PutMember,
    PutMention,
    PutMetadata,
    PutNick,
    PutPin,
    PutPlace,
    PutReaction,
    PutReply,
    PutRoom,
    PutScram,
    PutSession,
    PutStatus,
    PutTally,
    PutThread,
    PutTime,
    PutUpload,
    PutUser,
)
from chatd.chat.crowd import Crowd, Haunts
from chatd.chat.facts import Facts
from chatd.chat.looked import Looked, Wanted
from chatd.chat.told import Told
from chatd.counters import Histogram
from chatd.search.query import Query


class Table(NamedTuple):
    """Rows of one kind that a store keeps, by the change that puts one.

    The first ``key`` fields name a row; one that is put again takes over the ``mutable`` fields alone.
    ``drop`` is the change that removes the row that it names, ``drop_all`` the one that removes all rows that
    have its fields, ``drop_below`` the one that removes the rows with the same ``room`` whose ``seq`` is
    lower. All rows that are ``loaded`` are in memory while the daemon runs.
    """

    name: str
    put: type[Change]
    key: int
    mutable: tuple[str, ...] = ()
    drop: type[Change] | None = None
    drop_all: type[Change] | None = None
    drop_below: type[Change] | None = None
    loaded: bool = True


TABLES: Final = (
    Table("users", PutUser, 1, ("nick", "key"), DropUser),
    Table("accounts", PutAccount, 1, ("password", "flags", "failed")),
    Table("nicks", PutNick, 1, ("user", "shown")),
    Table("invites", PutInvite, 1, ("uses",), DropInvite),
    Table("certificates", PutCertificate, 2, ("name",), DropCertificate),
    Table("scrams", PutScram, 1, ("verifier",), DropScram),
    Table("metadata", PutMetadata, 2, ("value",), DropMetadata),
    Table("places", PutPlace, 2, ("at",), DropPlace),
    Table("erasures", PutErasure, 1, ("room", "seq"), DropErasure),
    Table("sessions", PutSession, 1, ("seen", "address", "software", "label"), DropSession),
    Table(
        "rooms",
        PutRoom,
        1,
        (
            "name",
            "topic",
            "first",
            "kind",
            "history",
            "slow",
            "archived",
            "posting",
            "titling",
            "keep_days",
            "calling",
        ),
        DropRoom,
    ),
    Table("members", PutMember, 2, ("read", "role", "since"), DropMember),
    Table("acts", PutAct, 3, ("user", "until", "by", "reason"), DropAct),
    Table("blocks", PutBlock, 2, ("whom",), DropBlock),
    Table("allows", PutAllow, 1, ("direct",), DropAllow),
    Table("statuses", PutStatus, 1, ("state", "text", "until"), DropStatus),
    Table("address_bans", PutAddressBan, 1, ("until", "since", "reason"), DropAddressBan),
    Table("files", PutFile, 2, (), DropFile, drop_below=DropFiles),
    Table("emptied", PutEmptied, 1, ("last", "ts", "proof"), loaded=False),
    Table("edits", PutEdit, 3, (), DropEdit, DropEdits, DropEditsBelow, loaded=False),
    Table(
        "reactions", PutReaction, 4, ("by",), DropReaction, DropReactions, DropReactionsBelow, loaded=False
    ),
    Table("replies", PutReply, 2, (), DropReply, drop_below=DropRepliesBelow, loaded=False),
    Table("pins", PutPin, 2, ("by",), DropPin),
    Table("tallies", PutTally, 2, ("upto", "bits"), DropTally, drop_below=DropTallies, loaded=False),
    Table("threads", PutThread, 3, ("read", "at", "off"), DropThread, drop_below=DropThreads),
    Table("mentions", PutMention, 3, (), DropMention, drop_below=DropMentions),
    Table("marks", PutMark, 2, ("at",), DropMark, drop_below=DropMarks),
    Table("uploads", PutUpload, 2, ("at",), DropUpload),
    Table("hooks", PutHook, 1, ("cursor", "failing", "off"), DropHook),
    Table("hook_keys", PutHookKey, 2, (), DropHookKey, DropHookKeys),
    Table("cursors", PutCursor, 2, ("seq",), DropCursor, DropCursors, DropCursorsBelow),
)
"""What every store does about changes; `Trim`, `Erase` and `PutTime`, no rows, are each store's own.

Rows are loaded in this order, since those of rooms name users, and others both.
"""

LOADED: Final = tuple(table.put for table in TABLES if table.loaded)
"""The kinds of rows that are loaded, in order."""

Row = TypeVar("Row", bound=Change)


class StoredRoom(NamedTuple):
    """A room with the number of its last stored event, and that event's time and check (if it is known)."""

    room: PutRoom
    head: int
    ts: int = 0
    check: str = ""


def stored_room(room: PutRoom, last: tuple[int, int, str] | None, emptied: PutEmptied | None) -> StoredRoom:
    """Return ``room`` with its ``last`` event that is kept; if none is, with that which was the last one."""
    if last is None and emptied is not None and emptied.last == room.first - 1:
        last = emptied[1:]
    return StoredRoom(room, *(last or (0, 0, "")))


@dataclass(slots=True)
class Mark:
    """What is kept of a batch that several machines take in: its ``place`` in their order.

    The store sets the ``effect`` when it commits: how many rows the changes have put, changed or removed,
    besides the events that are new. It is the same in all stores that held the same before.
    """

    place: str
    effect: int = 0


@dataclass(slots=True)
class Changes:
    """The content of one transaction.

    ``events`` are runs of (log, number of the first, stored events), ``sends`` are (last accepted send,
    session); ``others`` come in order. The ``mark`` is kept where there is one. ``told`` returns what else
    machines have to know that did not decide it.
    """

    events: list[tuple[int, int, list[bytes]]] = field(default_factory=list)
    sends: list[tuple[int, int]] = field(default_factory=list)
    others: list[Change] = field(default_factory=list)
    mark: Mark | None = None
    told: Callable[[], Told] | None = field(default=None, compare=False)

    def __bool__(self) -> bool:
        return bool(self.events or self.sends or self.others)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything but the events, as it is on disk.

    ``rows`` are those of `LOADED` by their kind, but the ``rooms``, and of memberships those in direct
    messages alone: the others are ``crowds``, by room, and ``haunts``, by user. ``last_session`` is the
    highest id that a session ever had, ``last_user`` the highest of users who were dropped, ``time`` the
    calendar as it was last kept. The ``tallies`` tell of all events that are kept, those of each log in
    order; ``untallied`` says from which event of a log on they were made of the events just now.
    ``unread_replies`` are log, thread and number of each reply that some follower may not have read, in
    order. ``salts`` is a secret of this data folder, of which salts are made (`chatd.chat.scrams`). The
    ``mark`` is that of the last batch that had one.
    """

    server: str
    rooms: list[StoredRoom] = field(default_factory=list)
    rows: MutableMapping[type[Any], Sequence[Any]] = field(default_factory=dict)
    crowds: Sequence[Crowd] = ()
    haunts: Sequence[Haunts] = ()
    last_session: int = 0
    last_user: int = 0
    time: PutTime = field(default_factory=lambda: PutTime(0, 0))
    tallies: list[PutTally] = field(default_factory=list)
    untallied: dict[int, int] = field(default_factory=dict)
    unread_replies: list[tuple[int, int, int]] = field(default_factory=list)
    salts: str = ""
    mark: Mark = field(default_factory=lambda: Mark(""))

    def of(self, kind: type[Row]) -> Sequence[Row]:
        """Return the rows of that kind."""
        return self.rows.get(kind, ())

    def take(self, kind: type[Row]) -> Sequence[Row]:
        """Return the rows of that kind, and let go of them, so that all do not have to be held at once."""
        return self.rows.pop(kind, ())

    def memberships(self) -> Iterator[PutMember]:
        """Yield all memberships."""
        yield from self.of(PutMember)
        for crowd in self.crowds:
            yield from crowd.rows()


class Space(NamedTuple):
    """Bytes of the database, how many of them are free, and bytes of its write-ahead log."""

    size: int
    free: int
    wal: int


class Position(NamedTuple):
    """A place in the order of all events: by time, then log and number."""

    ts: int
    log: int
    seq: int


class Scope(NamedTuple):
    """Events ``first`` to ``last`` of a log, which somebody may read."""

    log: int
    first: int
    last: int


class Hit(NamedTuple):
    """A stored event that was looked for, where it stands, and its last edit, if there is one."""

    place: Position
    stored: bytes
    edit: bytes = b""


@dataclass(frozen=True, slots=True)
class HitPage:
    """Hits, the newest first. If there may be more, they stand before ``rest``.

    ``behind`` is whether some of the events are not in the index yet, and were not looked at.
    """

    hits: list[Hit]
    rest: Position | None = None
    behind: bool = False


class StoreError(Exception):
    """The store cannot be opened or used. One sentence says what to do, or has the system's words."""


class Store(Protocol):
    """Keeps changes and hands out events; every call but `load` returns at once and calls ``done`` later.

    ``done`` is called in the reactor's thread. An append is durable as a whole or fails as a whole. What was
    erased by a durable one is in no file of the store any more soon after, in no free part of one either.
    ``syncs`` are the seconds that commits took to become durable.
    """

    syncs: Histogram

    def load(self) -> Snapshot:
        """Return the state on disk."""

    def append(self, changes: Changes, done: Callable[[Exception | None], None]) -> None:
        """Make ``changes`` durable, then call ``done`` with None or with the error."""

    def read(
        self,
        log: int,
        first: int,
        last: int,
        limit: int,
        newest: bool,
        done: Callable[[list[bytes] | StoreError], None],
    ) -> None:
        """Read events ``first`` to ``last``, about ``limit`` bytes, from the old or the new end.

        ``done`` gets the stored events in order, or the error. There is at least one if that end exists, and
        none beyond a missing one.
        """

    def size_of(self, log: int) -> int:
        """Return at once how many bytes the durable events of ``log`` take."""

    def look(self, log: int, wanted: Wanted, user: int, done: Callable[[Looked | StoreError], None]) -> None:
        """Read the ``wanted`` events of ``log`` with what became of them, for ``user``.

        It is about as much as one answer holds, from the end where a range begins. There is none beyond a
        missing one in a range without a thread.
        """

    def facts(
        self, log: int, seq: int, user: int, whole: bool, done: Callable[[Facts | StoreError], None]
    ) -> None:
        """Read what a decision of ``user`` about event ``seq`` of ``log`` needs to know; call ``done``.

        What its edits say is read only if it is wanted ``whole``.
        """

    def search(
        self,
        query: Query,
        scopes: Sequence[Scope],
        before: Position | None,
        limit: int,
        done: Callable[[HitPage | StoreError], None],
    ) -> None:
        """Look in ``scopes`` for what ``query`` means, at most ``limit`` of it, if given ``before`` a place.

        The work for one answer is bounded, so that it may have less, and even nothing, with more to come.
        """

    def space(self, done: Callable[[Space | StoreError], None]) -> None:
        """Call ``done`` with the room that is taken, or with the error."""

    def vacuum(self, done: Callable[[Space | StoreError], None]) -> None:
        """Give what is free back to the system, then call ``done`` with what is left, or with the error.

        Commits and reads go on meanwhile.
        """

    def beat(self, done: Callable[[], None]) -> None:
        """Call ``done`` when what was handed in before is on the disk: a sign that it moves."""

    def close(self) -> bool:
        """Finish what was handed in, then close the files; return whether that was done in time."""
