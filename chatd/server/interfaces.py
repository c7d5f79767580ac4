"""Interfaces: what the shared parts of the server see of a connection."""

from typing import Protocol

from chatd.chat.state import Peer
from chatd.server.listener_rules import Listening
from chatd.server.output import Output
from chatd.server.record import Record
from chatd.wire.errors import CloseReason


class Swept(Protocol):
    """Something that the reaper sweeps: a connection, or one that still waits for its PROXY header."""

    due: float
    """The monotonic second before which `sweep` would find nothing to do."""

    @property
    def address(self) -> str:
        """Return the other end as the log shows it."""

    def sweep(self, now: float) -> None:
        """Look at the clock and do what is due."""

    def forgive(self, now: float) -> None:
        """Begin every count of silence anew."""

    def abort(self, reason: CloseReason) -> None:
        """End it at once."""


class Visitor(Swept, Protocol):
    """A connection that speaks no chat, such as one of a browser that reads a page."""

    peer_host: str

    def drain(self) -> None:
        """End as soon as what was asked is answered."""


class Connection(Peer, Swept, Protocol):
    """A connection as the server sees it."""

    speaks: str
    listener: Listening
    number: int
    peer_host: str
    relay: str | None
    opened: float
    close_reason: CloseReason | None
    output: Output
    bytes_in: int
    messages_in: int
    answered: int
    record: Record

    @property
    def tls(self) -> str:
        """Return the version of TLS that is spoken; nothing for plain text."""

    @property
    def pauses(self) -> int:
        """Return how often it was not read for a moment, because too much was asked."""

    def renew_allowance(self) -> None:
        """Ask what the limits in force allow from now on."""
