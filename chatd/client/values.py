"""What goes into a client, and what comes out of it, as values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from msgspec import Struct
from twisted.internet.defer import Deferred

from chatd.client.core import arguments
from chatd.client.core.address import DEFAULT, Address
from chatd.client.core.notices import LinkState
from chatd.client.core.problems import ClientError
from chatd.client.core.proxy import Proxy
from chatd.client.core.session import DEMANDING, Credentials
from chatd.wire.messages import Became, Event, File, Pulse, Quote

Commit = Literal["auto", "manual"]
"""When an event counts as seen in the next run: once it was handed over, or once `Client.done` says so."""

Follow = Literal["all", "listed"]
"""Which rooms a client follows: all that its user is a member of, or those that its options list."""


@dataclass(frozen=True, init=False, slots=True)
class Options:
    """Whom to call as whom; what cannot be is refused by a sentence, as `ClientError`, when it is made.

    ``server``: the address; ``nick``: "" for the one last used there, else the login name. ``profile``:
    where the session is remembered, None for nowhere; ``profile_named`` if the user chose it; ``folder``
    holds the profiles, None for the XDG state folder; ``slot`` is the session in it to go on with, 0 for
    any free one. ``same_as`` is an address by which the profile knows the server already: who it is there
    it is here too, and its secret may go here. ``rooms`` are joined after every welcome. ``follow``: all
    rooms of the user or the ``listed`` ones. ``cursors``: events already seen, by room, instead of those
    remembered, and ``checks`` those of some of them (`chatd.wire.check`) and ``times`` their times in
    seconds since 1970; ``remember`` keeps cursors for the next run, as ``commit`` says. ``ca`` is a PEM file
    of authorities for TLS, ``fingerprint`` what the server's key must have instead ("none": no longer),
    ``cert`` and ``key`` are our own certificate and its key, by which a session is begun where there is none
    and the nick is that of an account. ``proxy`` leads to the server; the environment is asked by
    `chatd.client.net.proxies.choice`, not here. ``credentials`` are a password by which a session is begun
    where there is none. ``device_name`` is what this device is called in the list of sessions, from now on;
    None for what the profile keeps, "" for nothing.
    """

    server: Address
    nick: str
    profile: str | None
    slot: int
    profile_named: bool
    folder: Path | None
    same_as: Address | None
    rooms: tuple[str, ...]
    follow: Follow
    cursors: dict[str, int] | None
    checks: dict[str, str]
    times: dict[str, int]
    remember: bool
    commit: Commit
    heartbeat: Pulse
    ca: str | None
    fingerprint: str | None
    cert: str | None
    key: str | None
    proxy: Proxy | None
    credentials: Credentials | None
    device_name: str | None
    typing: bool

    def __init__(
        self,
        server: str | Address = DEFAULT,
        nick: str = "",
        profile: str | None = "default",
        slot: int = 0,
        profile_named: bool = False,
        folder: str | Path | None = None,
        same_as: str | Address | None = None,
        rooms: str | Iterable[str] = (),
        follow: Follow = "all",
        cursors: Mapping[str, int] | None = None,
        checks: Mapping[str, str] | None = None,
        times: Mapping[str, int] | None = None,
        remember: bool = True,
        commit: Commit = "auto",
        heartbeat: Pulse = DEMANDING,
        ca: str | Path | None = None,
        fingerprint: str | None = None,
        cert: str | Path | None = None,
        key: str | Path | None = None,
        proxy: str | Proxy | None = None,
        credentials: Credentials | None = None,
        device_name: str | None = None,
        typing: bool = False,
    ) -> None:
        given = arguments.given
        found: dict[str, Any] = {
            "server": arguments.address("server", server),
            "nick": given("nick", nick, str),
            "profile": given("profile", profile, str, none=True),
            "slot": arguments.count("slot", slot),
            "profile_named": given("profile_named", profile_named, bool),
            "folder": None if folder is None else Path(arguments.path("folder", folder)),
            "same_as": None if same_as is None else arguments.address("same_as", same_as),
            "rooms": arguments.rooms(rooms),
            "follow": arguments.one_of("follow", follow, get_args(Follow)),
            "cursors": None if cursors is None else arguments.by_room("cursors", cursors, int),
            "checks": arguments.by_room("checks", checks or {}, str),
            "times": arguments.by_room("times", times or {}, int),
            "remember": given("remember", remember, bool),
            "commit": arguments.one_of("commit", commit, get_args(Commit)),
            "heartbeat": arguments.pulse("heartbeat", heartbeat),
            "ca": None if ca is None else arguments.path("ca", ca),
            "fingerprint": given("fingerprint", fingerprint, str, none=True),
            "cert": None if cert is None else arguments.path("cert", cert),
            "key": None if key is None else arguments.path("key", key),
            "proxy": arguments.proxy("proxy", proxy),
            "credentials": arguments.credentials(credentials),
            "device_name": arguments.label(device_name),
            "typing": given("typing", typing, bool),
        }
        if commit == "manual" and (profile is None or not remember):
            raise ClientError("bad-options", 'commit="manual" needs a profile and remember=True.')
        for name, value in found.items():
            object.__setattr__(self, name, value)

    @property
    def secret(self) -> bool:
        """Return whether nobody else reads what goes to the server."""
        return self.server.scheme not in {"tcp", "ws"} or (self.server.here and self.proxy is None)


class Sent(Struct, frozen=True):
    """A send that is durable; ``seq`` and ``ts`` are None where the server confirmed only its number.

    They are also None of a reaction that was so ``already``: no event was added.
    """

    key: int
    room: str
    seq: int | None
    ts: int | None
    n: int
    already: bool = False


class Waiting(Struct, frozen=True):
    """A send that is not durable yet; ``in_flight`` ones were written to the present link.

    ``act`` and ``ref``: see `chatd.client.core.outbox.Entry`.
    """

    key: int
    room: str
    text: str
    in_flight: bool
    file: File | None = None
    act: str = ""
    ref: int = 0


class KeptUpload(Struct, frozen=True):
    """A file that is to be posted, as it is remembered; ``sha256`` is "" until it was read."""

    room: str
    path: Path
    caption: str
    sha256: str = ""


class TakenOver(Struct, frozen=True):
    """What was taken over from another server: the sends' keys, and what becomes of sends and files."""

    keys: list[int]
    sent: list[Deferred[Sent]]
    posted: list[Deferred[Sent]]


class Page(Struct, frozen=True):
    """A page of history, in ascending order; ``more`` says that the log goes on beyond it.

    What the events ``became``, and ``quotes`` of what they reply to, by their numbers, is as it was when the
    last event of the log was ``at``; None where that was not asked for.
    """

    events: list[Event]
    more: bool
    at: int | None = None
    became: dict[int, Became] = {}
    quotes: dict[int, Quote] = {}


class Hit(Struct, frozen=True):
    """An event that was found, with what it says now, in the room that people call ``room``.

    ``edited`` is the event that edited it last, or 0.
    """

    event: Event
    room: str
    edited: int = 0


class Hits(Struct, frozen=True):
    """A page of what was found, the newest first; the next one begins before ``rest``, if it is not empty.

    ``behind`` says that older events are still being indexed by the server.
    """

    hits: list[Hit]
    rest: str = ""
    behind: bool = False


class Status(Struct, frozen=True):
    """Where the client stands; seconds where nothing else is said."""

    state: LinkState
    address: str
    nick: str
    round_trip: float | None
    silence: float
    retry_in: float | None
    reason: str
    waiting: int
