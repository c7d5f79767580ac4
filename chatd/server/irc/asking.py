"""Asking: has clients that keep no history say what they have, soon after they were told something.

What is known to have arrived is not told again, whatever happens next to the connection or to the daemon.
"""

from itertools import islice
from typing import TYPE_CHECKING, Final

from twisted.internet.interfaces import IDelayedCall

from chatd.clock import Clock

if TYPE_CHECKING:
    from chatd.server.irc.client import Client

LOOK: Final = 1.0
"""Seconds between two looks: somebody who was told something before one is asked at the next."""

AT_ONCE: Final = 50
"""Clients that are looked at in one of them: where there are more each has to wait for its turn, so that a
thousand cost no more than a few milliseconds in a second."""


class Asking:
    """Looks at clients in turns. There is no timer where there are none."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._clients: dict[Client, None] = {}
        self._timer: IDelayedCall | None = None

    def add(self, client: "Client") -> None:
        """Look at ``client`` from now on."""
        self._clients[client] = None
        if self._timer is None:
            self._timer = self._clock.callLater(LOOK, self._look)

    def remove(self, client: "Client") -> None:
        """Look at ``client`` no more."""
        self._clients.pop(client, None)
        if self._timer is not None and not self._clients:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = self._clock.callLater(LOOK, self._look)
        for client in list(islice(self._clients, AT_ONCE)):
            self._clients[client] = self._clients.pop(client)
            try:
                client.cursors.look()
            except Exception:  # noqa: BLE001 - a fault costs this connection alone and is logged (P8)
                client.connection.fault()
