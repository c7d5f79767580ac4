"""The rows of answers. Times are seconds, sizes bytes; what is not known or does not apply is left out."""

from typing import Any

from msgspec import Struct, field


class Row(Struct, omit_defaults=True, kw_only=True):
    """One row."""


class Connected(Row):
    """A connection: ``who`` lists them.

    ``silence`` is the time since a byte came, ``lag`` how many events are not handed out yet, ``held`` why
    nothing is taken from it now.
    """

    connection: int
    address: str
    state: str
    since: float
    silence: float
    bytes_in: int
    bytes_out: int
    nick: str = ""
    account: bool = False
    operator: bool = False
    session: int | None = None
    relay: str = ""
    listener: str = ""
    protocol: str = ""
    software: str = ""
    tls: str = ""
    round_trip: float | None = None
    lag: int = 0
    rooms: int = 0
    held: str = ""


class RoomRow(Row):
    """A room: ``rate`` is its events in a second over the last minute or two.

    ``bytes`` are what its events take on disk, ``recent`` what those take that are in memory.
    """

    room: str
    kind: str
    members: int
    followers: int
    head: int
    first: int
    recent: int
    rate: float
    bytes: int = 0


class UserRow(Row):
    """An account, as it is listed."""

    nick: str
    password: bool
    sessions: int
    operator: bool = False
    disabled: bool = False
    deleted: bool = False
    invited_by: str = ""
    failed: int = 0


class CertificateRow(Row):
    """A certificate that opens an account; ``added`` is in milliseconds since 1970."""

    fingerprint: str
    name: str
    added: int


class BanRow(Row):
    """A ban: of ``whom``, for so many seconds more, for good where there are none.

    One from the server was made at ``since``, in milliseconds since 1970, one from a room ``by`` somebody.
    """

    whom: str
    left: int | None = None
    since: int | None = None
    by: str = ""
    reason: str = ""


class HookRow(Row):
    """A hook of a room, as `chatd.wire.messages.HookInfo` tells of it."""

    room: str
    name: str
    url: str = ""
    by: str = ""
    made: int = 0
    behind: int = 0
    failing: int = 0
    trouble: str = ""
    off: bool = False


class SpaceRow(Row):
    """How far a vacuum is: bytes of the database, how many of them are free, how many it has given back."""

    size: int
    free: int
    freed: int


class Traced(Row):
    """An event: when it was handed to the disk and when it was durable, in milliseconds since 1970, if known.

    There were so many ``events`` in the same commit; ``head`` is where its room is now.
    """

    room: str
    seq: int
    head: int
    sealed: int | None = None
    committed: int | None = None
    events: int = 0


class TraceRow(Row):
    """What one device of a member has of an event.

    ``cursor`` is the last event that its connection was handed; ``unsent`` bytes wait here, and
    ``unacknowledged`` ones, those included, have not been taken by the system at the other end.
    """

    nick: str
    session: int
    state: str
    connection: int | None = None
    cursor: int | None = None
    unsent: int | None = None
    unacknowledged: int | None = None


class LogLine(Row):
    """A line of the log; lines up to ``missing`` behind the one before are not kept any more."""

    cursor: int
    line: dict[str, Any]
    missing: int = 0


class RateRow(Row):
    """How much in a second, on average over the last second, minute and 15 minutes."""

    second: float
    minute: float
    quarter: float


class Times(Row):
    """What is known of many durations: how many, their mean, bounds of nine tenths and of all but 1 %."""

    number: int
    mean: float
    p90: float
    p99: float
    most: float


class StatusReport(Row):
    """The state of the daemon.

    ``commit_events`` are events in a commit, ``commit_seconds`` the time until one is heard of,
    ``sync_seconds`` the part of it that the disk takes. ``limited`` names what is refused or held back now.
    ``clock_steps`` counts how often the clock was set, ``dropped_lines`` what the log could not take, and
    ``failed_accepts`` connections without a file descriptor.
    """

    version: str
    pid: int
    uptime: float
    server: str
    data: str
    draining: bool
    connections: int
    waiting: int
    listeners: dict[str, int]
    states: dict[str, int]
    users: int
    sessions: int
    rooms: int
    direct: int
    rates: dict[str, RateRow]
    events: int
    messages: int
    deliveries: int
    commit_events: Times
    commit_seconds: Times
    sync_seconds: Times
    failed_commits: int
    longest_stall: float
    memory: int
    store_size: int | None = None
    store_free: int | None = None
    store_wal: int | None = None
    files: int | None = None
    file_bytes: int | None = None
    uploads: int = 0
    downloads: int = 0
    lagging: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    limited: list[str] = field(default_factory=list)
    clock_steps: int = 0
    dropped_lines: int = 0
    failed_accepts: int = 0
