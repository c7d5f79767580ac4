"""Slow readers: who cannot be told later what they missed is not left behind without end.

An account, and a client that asks for history, lags and catches up: nothing is left out for it. A guest
without history goes with the connection, and would read what was said long ago as if it was said now.
"""

from typing import Final

from chatd.server.irc.client import Client
from chatd.server.irc.rendering import Renderer
from chatd.wire.errors import CloseReason

MOST: Final = 1_048_576
"""Bytes, about, that a guest without history may be behind."""

WHY: Final = "SendQ exceeded"


def look(client: Client) -> None:
    """End ``client``, whose transport has drained once more, if it is too far behind."""
    user, connection = client.user, client.connection
    renderer = connection.reader.codec
    if user is None or user.account is not None or client.has("draft/chathistory"):
        return
    if isinstance(renderer, Renderer) and connection.reader.lag * renderer.mean > MOST:
        if client.session is not None:
            client.session.farewell = WHY
        connection.close(CloseReason.BEHIND, WHY)
