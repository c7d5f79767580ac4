"""The life of a connection: what is told, and kept, of it for whoever asks why somebody was cut off (P10)."""

from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct, field

from chatd.server.interfaces import Connection


class Life(Struct, omit_defaults=True, kw_only=True):
    """A connection from its beginning to its end, which is not there yet without a ``reason``.

    ``began`` is in milliseconds since 1970, ``duration`` in seconds; ``resume`` says whether a known session
    came back (``resumed``), one began (``new``), or nobody was let in (``none``). ``trips`` are ages of the
    connection and the round trip then, in seconds.
    """

    connection: int
    address: str
    began: int
    duration: float
    resume: str
    reason: str = ""
    nick: str = ""
    account: bool = False
    session: int | None = None
    relay: str = ""
    listener: str = ""
    protocol: str = ""
    software: str = ""
    tls: str = ""
    trips: list[tuple[float, float]] = field(default_factory=list)
    missed: int = 0
    slowed: int = 0
    lag: int = 0
    refusals: dict[str, int] = field(default_factory=dict)
    bytes_in: int = 0
    bytes_out: int = 0
    messages_in: int = 0
    messages_out: int = 0


class Keeper(Protocol):
    """Keeps lives that are over."""

    def keep(self, life: Life, host: str) -> None:
        """Keep ``life``, of a peer at ``host``."""

    def forget(self, keys: Iterable[str]) -> None:
        """Keep nothing of the nicks of these ``keys`` any more."""


def life_of(connection: Connection, now: float, wall: int) -> Life:
    """Return what there is to say of ``connection`` at the monotonic second ``now``; ``wall`` is the time."""
    record = connection.record
    duration = now - connection.opened
    resume = "none" if record.session is None else "resumed" if record.resumed else "new"
    return Life(
        connection=connection.number,
        address=connection.address,
        began=wall - round(duration * 1000),
        duration=round(duration, 3),
        resume=resume,
        reason="" if connection.close_reason is None else str(connection.close_reason),
        nick=record.nick,
        account=record.account,
        session=record.session,
        relay=connection.relay or "",
        listener=connection.listener.rules.name,
        protocol=connection.speaks,
        software=record.software,
        tls=connection.tls,
        trips=list(record.trips()),
        missed=record.missed,
        slowed=connection.pauses,
        lag=record.lag,
        refusals=dict(record.refusals or {}),
        bytes_in=connection.bytes_in,
        bytes_out=connection.output.bytes_out,
        messages_in=connection.messages_in,
        messages_out=connection.answered + connection.reader.events,
    )
