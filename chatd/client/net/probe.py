"""Probes: whether a server is there, and in which way; for whoever has named no way, before a program begins.

They wait, and import neither Twisted nor anything else that is large, but where there is a proxy.
"""

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from chatd.client.core.address import Address
from chatd.client.core.problems import ClientError
from chatd.client.core.proxy import Proxy
from chatd.wire.frames import FrameType, frame

if TYPE_CHECKING:
    from chatd.client.net.proxies.negotiation import Negotiation

PATIENCE: Final = 3.0
"""Seconds for a probe, and for each of its steps."""

_PING: Final = frame(FrameType.PING, b"there?")
_PONG: Final = frame(FrameType.PONG, b"there?")


def takes(address: Address, patience: float = PATIENCE) -> bool:
    """Return whether somebody takes connections at ``address``."""
    with suppress(OSError, ValueError):
        socket.create_connection((address.host, address.port), patience).close()
        return True
    return False


def answers(address: Address, proxy: Proxy | None = None, patience: float = PATIENCE) -> bool:
    """Return whether somebody speaks natively at ``address``; many a proxy opens ways that lead nowhere."""
    with suppress(OSError, ValueError, ClientError), _connection(address, proxy, None, patience) as plain:
        plain.sendall(_PING)
        return _received(plain, len(_PONG)) == _PONG
    return False


def speaks_web(address: Address, ca: str | None, proxy: Proxy | None = None, *, vouched: bool) -> bool:
    """Return whether WebSocket over TLS is spoken there, if ``vouched`` by whom an authority vouches for."""
    import ssl  # noqa: PLC0415 - most do without

    from chatd.client.net.websocket.handshake import Handshake, WebSocketError  # noqa: PLC0415

    handshake = Handshake(address)
    with suppress(OSError, ValueError, ClientError, WebSocketError):
        context = ssl.create_default_context(cafile=ca)
        if not vouched:  # who they are is verified when something is said to them
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            _connection(address, proxy, ca, PATIENCE) as plain,
            context.wrap_socket(plain, server_hostname=address.host) as secure,
        ):
            secure.sendall(handshake.begin())
            while data := secure.recv(4096):
                if handshake.receive(data) is not None:
                    return True
    return False


def _received(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := connection.recv(size - len(data))):
        data += more
    return data


def _connection(address: Address, proxy: Proxy | None, ca: str | None, patience: float) -> socket.socket:
    """Return a connection to ``address``, through ``proxy``. Raises `OSError` or `ClientError`."""
    if proxy is None:
        return socket.create_connection((address.host, address.port), patience)
    from chatd.client.net.proxies.negotiation import ProxyError  # noqa: PLC0415 - most do without
    from chatd.client.net.proxies.tunnel import negotiation  # noqa: PLC0415

    host = address.host
    if proxy.scheme == "socks5":  # which leaves it to us to look names up
        host = str(socket.getaddrinfo(host, address.port, type=socket.SOCK_STREAM)[0][4][0])
    plain = socket.create_connection((proxy.host, proxy.port), patience)
    try:
        if proxy.scheme == "https":
            import ssl  # noqa: PLC0415 - see above

            plain = ssl.create_default_context(cafile=ca).wrap_socket(plain, server_hostname=proxy.host)
        _agree(plain, negotiation(proxy, host, address.port))
    except ProxyError as error:
        plain.close()
        raise OSError(error.words) from None
    except BaseException:
        plain.close()
        raise
    return plain


def _agree(connection: socket.socket, asked: "Negotiation") -> None:
    """Come to the end of a negotiation, byte by byte: what is behind it is the server's."""
    connection.sendall(asked.begin())
    while asked.rest is None:
        data = connection.recv(1)
        if not data:
            raise ConnectionError("closed by the proxy")
        if said := asked.receive(data):
            connection.sendall(said)
