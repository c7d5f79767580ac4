"""The journal: the log lines of the coming and going of connections, as operators read them (P10)."""

from typing import Final

from twisted.internet.interfaces import IAddress

from chatd.chat.arrival import Arrival
from chatd.clock import Clock
from chatd.counters import Counters
from chatd.ops.log import Log
from chatd.ops.repeats import Repeats
from chatd.server import addresses
from chatd.server.interfaces import Connection
from chatd.wire.errors import ChatdError

log = Log(__name__)

REFUSAL_INTERVAL: Final = 10.0
"""Seconds in which the same refusal of the same network is logged once."""


class Journal:
    """Tells of connections, of which many come and go: what strangers can cause is told seldom."""

    def __init__(self, clock: Clock, counters: Counters) -> None:
        self._clock = clock
        self._counters = counters
        self._repeats = Repeats(REFUSAL_INTERVAL)

    def entered(self, connection: Connection, arrival: Arrival) -> None:
        """Log that ``connection`` was let in."""
        session = arrival.session
        self._counters.entered[arrival.resumed] += 1
        connection.record.entered(arrival)
        log.info(
            "client-in",
            connection=connection.number,
            peer=connection.address,
            relay=connection.relay,
            protocol=connection.speaks,
            session=session.id,
            nick=session.user.nick,
            resumed=arrival.resumed,
            software=session.software,
        )

    def refused(self, connection: Connection, error: ChatdError) -> None:
        """Log that ``connection`` was refused, but seldom for the same code and network."""
        connection.record.refused(error.code)
        self._refuse(error.code, error.text, connection.peer_host, connection.address)

    def turned_away(self, code: str, text: str, address: IAddress | None) -> None:
        """Log that ``address`` was refused before it had a connection here."""
        self._refuse(code, text, addresses.host_of(address), addresses.name_of(address))

    def _refuse(self, code: str, text: str, host: str, name: str) -> None:
        self._counters.refused[code] += 1
        held_back = self._repeats.admit((code, addresses.network_of(host)), self._clock.seconds())
        if held_back is not None:
            log.warn("refused", text, peer=name, code=code, suppressed=held_back or None)

    def reaped(self, connection: Connection, silence: float) -> None:
        """Log that ``connection`` is given up."""
        record = connection.record
        log.info(
            "reaped",
            connection=connection.number,
            peer=connection.address,
            session=record.session,
            nick=record.nick or None,
            silence=round(silence, 3),
        )

    def narrowed(self, connection: Connection, step: str) -> None:
        """Log what is done for ``connection``, as its path seems to swallow large packets."""
        network = addresses.network_of(connection.peer_host)
        held_back = self._repeats.admit((step, network), self._clock.seconds())
        if held_back is None:
            return
        record = connection.record
        log.info(
            "narrowed",
            f"Large packets to {connection.peer_host} seem to be lost on the way: {step}.",
            connection=connection.number,
            peer=connection.address,
            session=record.session,
            nick=record.nick or None,
            suppressed=held_back or None,
        )

    def ownerless(self, room: str) -> None:
        """Log that nobody owns ``room`` any more, and nobody is there who could."""
        held_back = self._repeats.admit(("ownerless", ""), self._clock.seconds())
        if held_back is not None:
            log.info("room-ownerless", room=room, suppressed=held_back or None)

    def deleted(self, nick: str) -> None:
        """Log that the account ``nick`` is deleted, by whomever."""
        log.info("account-deleted", nick=nick)

    def left(self, connection: Connection) -> None:
        """Log that ``connection`` has ended, and why."""
        record = connection.record
        self._counters.ended[str(connection.close_reason)] += 1
        say = log.debug if record.session is None else log.info
        say(
            "client-out",
            connection=connection.number,
            peer=connection.address,
            session=record.session,
            nick=record.nick or None,
            reason=connection.close_reason,
            duration=round(self._clock.seconds() - connection.opened, 3),
            bytes_in=connection.bytes_in,
            bytes_out=connection.output.bytes_out,
            messages_in=connection.messages_in,
            messages_out=connection.answered + connection.reader.events,
        )
