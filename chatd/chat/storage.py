"""The interface to the store: the changes of a batch, the state to begin with, and the `Store` protocol."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

OPERATOR: Final = 1
"""The flag of an account whose owner may do everything everywhere."""

DISABLED: Final = 2
"""The flag of an account that nobody may log in to, nor resume a session of."""

DELETED: Final = 4
"""The flag of an account of which nothing but its nicks is left."""


class PutUser(NamedTuple):
    """A user from now on; ``key`` None frees the nick."""

    id: int
    nick: str
    key: str | None


class DropUser(NamedTuple):
    """A user who is needed no more. The id is never given again."""

    id: int


class PutAccount(NamedTuple):
    """What makes ``user`` an account from now on: see `chatd.chat.accounts`.

    ``password`` is an encoded hash, or nothing: then nobody can log in by one. ``created`` is in milliseconds
    since 1970, or 0. ``invited_by`` is the id of a user, or 0. ``failed`` counts the attempts to log in that
    failed since the last one that succeeded.
    """

    user: int
    password: str = ""
    flags: int = 0
    created: int = 0
    invited_by: int = 0
    failed: int = 0


class PutNick(NamedTuple):
    """A nick's key that belongs to the account ``user`` for good.

    ``shown`` is the form in which it was shown when the user took another nick, or nothing.
    """

    key: str
    user: int
    shown: str = ""


class PutInvite(NamedTuple):
    """An invitation to register, known by the ``digest`` of its code.

    It serves ``uses`` times more, and until ``until`` in milliseconds of `chatd.chat.calendar`. ``by`` is the
    id of the user who has made it, or 0 for the operator.
    """

    digest: bytes
    by: int
    uses: int
    until: int


class DropInvite(NamedTuple):
    """An invitation that is used up, has expired, or was taken back."""

    digest: bytes


class PutSession(NamedTuple):
    """A session from now on; ``seen`` in milliseconds of `chatd.chat.calendar`.

    ``address`` and ``software`` are those of its last connection.
    """

    id: int
    user: int
    digest: bytes
    last: int
    seen: int
    address: str = ""
    software: str = ""


class DropSession(NamedTuple):
    """A session that has expired."""

    id: int


class PutRoom(NamedTuple):
    """A room from now on. ``first``: see `Log`; ``begun_by``: see `chatd.chat.state.Room`.

    All from ``kind`` on are its rules: see `chatd.chat.rules.Rules`.
    """

    id: int
    name: str
    topic: str
    first: int
    begun_by: int = 0
    kind: str = "public"
    history: str = "all"
    slow: int = 0
    archived: bool = False
    posting: int = 3
    titling: int = 3
    keep_days: int = 0


class DropRoom(NamedTuple):
    """A deleted room of which no event is left, nor anything that is kept for those who were in it."""

    id: int


class PutMember(NamedTuple):
    """A membership, its read mark, its role and its first event: see `chatd.chat.state.Membership`."""

    room: int
    user: int
    read: int
    role: int = 3
    since: int = 0


class DropMember(NamedTuple):
    """A membership that has ended."""

    room: int
    user: int


class PutAct(NamedTuple):
    """A ban, a mute, an invitation or a removal in ``room``, or its deletion: see `chatd.chat.acts`.

    ``what`` is which of them, ``whom`` a nick behind its sign or a range of addresses, ``user`` the id of the
    user who had that nick, or 0. It ends at ``until`` in milliseconds of `chatd.chat.calendar`, or never
    if that is 0. ``by`` is the nick of who did it.
    """

    room: int
    what: str
    whom: str
    user: int
    until: int
    by: str
    reason: str


class DropAct(NamedTuple):
    """An act that was taken back, was used, or has ended."""

    room: int
    what: str
    whom: str


class PutBlock(NamedTuple):
    """The user ``whom`` may not send direct messages to ``user``."""

    user: int
    whom: int


class DropBlock(NamedTuple):
    """A block that was taken back."""

    user: int
    whom: int


class PutAllow(NamedTuple):
    """Whose direct messages ``user`` takes: see `chatd.chat.permissions.check_direct`."""

    user: int
    direct: str


class DropAllow(NamedTuple):
    """``user`` takes direct messages from everybody."""

    user: int


class PutFile(NamedTuple):
    """A file that event ``seq`` of ``room`` posts."""

    room: int
    seq: int
    sha256: str
    name: str
    size: int
    media: str


class DropFiles(NamedTuple):
    """Files that events of ``room`` below ``first`` have posted."""

    room: int
    first: int


class Trim(NamedTuple):
    """Events of ``room`` below ``first`` that need not be kept."""

    room: int
    first: int


class PutEmptied(NamedTuple):
    """The last event of ``room`` when all of them were removed: its number, time and check.

    The log goes on behind it: its times do not go back, and its history can be told from another one.
    """

    room: int
    last: int
    ts: int
    proof: str


class PutMark(NamedTuple):
    """Events of ``room`` up to ``seq`` were there at ``at``; see `chatd.chat.ages`."""

    room: int
    seq: int
    at: int


class DropMark(NamedTuple):
    """A mark that is needed no more."""

    room: int
    seq: int


class DropMarks(NamedTuple):
    """Marks of ``room`` below ``first`` that are needed no more."""

    room: int
    first: int


class PutUpload(NamedTuple):
    """The time, by the calendar, at which ``user`` last worked on the upload ``sha256``, finished or not."""

    user: int
    sha256: str
    at: int


class DropUpload(NamedTuple):
    """An upload of which nothing is left."""

    user: int
    sha256: str


class PutTime(NamedTuple):
    """The calendar, and the wall clock at the same moment, both in milliseconds."""

    lived: int
    clock: int


Change = (
    PutUser
    | DropUser
    | PutAccount
    | PutNick
    | PutInvite
    | DropInvite
    | PutSession
    | DropSession
    | PutRoom
    | DropRoom
    | PutMember
    | DropMember
    | PutAct
    | DropAct
    | PutBlock
    | DropBlock
    | PutAllow
    | DropAllow
    | PutFile
    | DropFiles
    | Trim
    | PutEmptied
    | PutMark
    | DropMark
    | DropMarks
    | PutUpload
    | DropUpload
    | PutTime
)


class Table(NamedTuple):
    """Rows of one kind that a store keeps, by the change that puts one.

    The first ``key`` fields name a row; one that is put again takes over the ``mutable`` fields alone.
    ``drop`` is the change that removes the row that it names, ``drop_below`` the one that removes the rows
    with the same first field whose second is lower.
    """

    name: str
    put: type[Change]
    key: int
    mutable: tuple[str, ...] = ()
    drop: type[Change] | None = None
    drop_below: type[Change] | None = None


TABLES: Final = (
    Table("users", PutUser, 1, ("nick", "key"), DropUser),
    Table("accounts", PutAccount, 1, ("password", "flags", "failed")),
    Table("nicks", PutNick, 1, ("user", "shown")),
    Table("invites", PutInvite, 1, ("uses",), DropInvite),
    Table("sessions", PutSession, 1, ("seen", "address", "software"), DropSession),
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
        ),
        DropRoom,
    ),
    Table("members", PutMember, 2, ("read", "role", "since"), DropMember),
    Table("acts", PutAct, 3, ("user", "until", "by", "reason"), DropAct),
    Table("blocks", PutBlock, 2, ("whom",), DropBlock),
    Table("allows", PutAllow, 1, ("direct",), DropAllow),
    Table("files", PutFile, 2, drop_below=DropFiles),
    Table("emptied", PutEmptied, 1, ("last", "ts", "proof")),
    Table("marks", PutMark, 2, ("at",), DropMark, DropMarks),
    Table("uploads", PutUpload, 2, ("at",), DropUpload),
)
"""What every store does about changes; only `Trim` and `PutTime`, which are no rows, are each store's own."""


class StoredRoom(NamedTuple):
    """A room with the number of its last stored event, and that event's time and check."""

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
class Changes:
    """The content of one transaction.

    ``events`` are runs of (log, number of the first, stored events), ``sends`` are (last accepted send,
    session); ``others`` come in order.
    """

    events: list[tuple[int, int, list[bytes]]] = field(default_factory=list)
    sends: list[tuple[int, int]] = field(default_factory=list)
    others: list[Change] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.events or self.sends or self.others)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything but the events, as it is on disk.

    ``last_session`` is the highest id that a session ever had, ``last_user`` the highest of users who were
    dropped, ``time`` the calendar as it was last kept.
    """

    server: str
    users: list[PutUser]
    sessions: list[PutSession]
    rooms: list[StoredRoom]
    members: list[PutMember]
    last_session: int = 0
    files: list[PutFile] = field(default_factory=list)
    time: PutTime = field(default_factory=lambda: PutTime(0, 0))
    marks: list[PutMark] = field(default_factory=list)
    uploads: list[PutUpload] = field(default_factory=list)
    accounts: list[PutAccount] = field(default_factory=list)
    nicks: list[PutNick] = field(default_factory=list)
    invites: list[PutInvite] = field(default_factory=list)
    acts: list[PutAct] = field(default_factory=list)
    blocks: list[PutBlock] = field(default_factory=list)
    allows: list[PutAllow] = field(default_factory=list)
    last_user: int = 0


class Space(NamedTuple):
    """Bytes of the database, how many of them are free, and bytes of its write-ahead log."""

    size: int
    free: int
    wal: int


class StoreError(Exception):
    """The store cannot be opened or used. One sentence says what to do, or has the system's words."""


class Store(Protocol):
    """Keeps changes and hands out events; every call but `load` returns at once and calls ``done`` later.

    ``done`` is called in the reactor's thread. An append is durable as a whole or fails as a whole.
    """

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

    def space(self, done: Callable[[Space | StoreError], None]) -> None:
        """Call ``done`` with the room that is taken, or with the error."""

    def close(self) -> bool:
        """Finish what was handed in, then close the files; return whether that was done in time."""
