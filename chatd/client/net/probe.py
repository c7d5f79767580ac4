"""Probes: whether a server is there, and in which way; for whoever has named no way, before a program begins.

They wait, and import neither Twisted nor anything else that is large.
"""

import socket
from contextlib import suppress
from typing import Final

from chatd.client.core.address import Address

PATIENCE: Final = 3.0
"""Seconds for a probe, and for each of its steps."""


def answers(address: Address, patience: float = PATIENCE) -> bool:
    """Return whether somebody takes connections at ``address``."""
    with suppress(OSError, ValueError):
        socket.create_connection((address.host, address.port), patience).close()
        return True
    return False


def shakes_hands(address: Address, ca: str | None) -> bool:
    """Return whether WebSocket is spoken at ``address``, by a server for which an authority vouches."""
    import ssl  # noqa: PLC0415 - most do without

    from chatd.client.net.websocket.handshake import Handshake, WebSocketError  # noqa: PLC0415

    handshake = Handshake(address)
    with suppress(OSError, ValueError, WebSocketError):
        context = ssl.create_default_context(cafile=ca)
        plain = socket.create_connection((address.host, address.port), PATIENCE)
        with plain, context.wrap_socket(plain, server_hostname=address.host) as secure:
            secure.sendall(handshake.begin())
            while data := secure.recv(4096):
                if handshake.receive(data) is not None:
                    return True
    return False
