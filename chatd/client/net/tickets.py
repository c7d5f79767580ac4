"""Tickets: TLS sessions that a server has given, shown again on the next connection to it (RFC 8446, 2.2).

A server that takes one back signs nothing and sends no certificate, which spares both sides work and some
packets. It has proven then that it is the one that gave the ticket, and which was verified.
"""

from collections import deque
from typing import Final

from OpenSSL import SSL

ATTEMPTS: Final = 4
"""Connections made since the last one that was established, of which one may be the next: rivals included."""


class Tickets:
    """Takes the ticket of the last connection that was established, and shows it on the next.

    A ticket may come long after the handshake, so that it is taken when the next connection begins. So long
    connections are kept: OpenSSL spoils tickets of those that are freed without a farewell, as lost ones are.
    """

    def __init__(self) -> None:
        self._attempts: deque[SSL.Connection] = deque(maxlen=ATTEMPTS)
        self._established: SSL.Connection | None = None
        self._before: SSL.Connection | None = None

    def show(self, connection: SSL.Connection) -> None:
        """Let ``connection``, which begins now, show the ticket of an earlier one if there is any."""
        for attempt in reversed(self._attempts):
            if attempt.get_peer_finished() is not None:
                self._before, self._established = self._established, attempt
                self._attempts.clear()
                break
        session = None if self._established is None else self._established.get_session()
        if session is not None:
            connection.set_session(session)
        self._attempts.append(connection)

    def forget(self) -> None:
        """Show no ticket that was given until now: what it was given for is trusted no longer."""
        self._attempts.clear()
        self._established = self._before = None
