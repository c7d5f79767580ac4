"""What lies below a transport: socket options, and how many bytes the peer's system has not taken yet."""

import fcntl
import socket
import struct
import termios
from typing import Any, Final

from twisted.internet.interfaces import IAddress

KEEPALIVE_IDLE: Final = 30
"""Seconds of silence before the kernel probes; the heartbeat decides long before."""

KEEPALIVE_INTERVAL: Final = 10
KEEPALIVE_PROBES: Final = 3

USER_TIMEOUT: Final = 60_000
"""Milliseconds that sent bytes may stay unacknowledged before the kernel gives up (RFC 5482)."""

_OPTIONS: Final = (
    (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", KEEPALIVE_IDLE),
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", KEEPALIVE_INTERVAL),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", KEEPALIVE_PROBES),
    (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", USER_TIMEOUT),
)

_INT = struct.Struct("i")


def _lowest(transport: Any) -> Any:
    """Return the transport that owns the socket, below TLS."""
    while not hasattr(transport, "socket") and hasattr(transport, "transport"):
        transport = transport.transport
    return transport


def _socket(transport: Any) -> socket.socket | None:
    found = getattr(_lowest(transport), "socket", None)
    return found if isinstance(found, socket.socket) else None


def tune(transport: Any) -> None:
    """Set the TCP options that help; they never decide. A transport without a TCP socket is left alone."""
    handle = _socket(transport)
    if handle is None or handle.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    for level, name, value in _OPTIONS:
        if hasattr(socket, name):
            handle.setsockopt(level, getattr(socket, name), value)


def unsent(transport: Any) -> int:
    """Return how many written bytes the peer's system has not acknowledged, as far as can be known."""
    lowest = _lowest(transport)
    waiting = len(getattr(lowest, "dataBuffer", b"")) - getattr(lowest, "offset", 0)
    waiting += getattr(lowest, "_tempDataLen", 0)
    handle = _socket(transport)
    if handle is None:
        return waiting
    try:
        answer = fcntl.ioctl(handle.fileno(), termios.TIOCOUTQ, _INT.pack(0))
    except OSError:
        return waiting
    return waiting + int(_INT.unpack(answer)[0])


def relay_of(transport: Any) -> str | None:
    """Return the address of the relay that the connection came through, None where there is none."""
    relay: str | None = getattr(transport, "relay", None)
    return relay


def name_of(address: IAddress | None) -> str:
    """Return a peer's address as logs show it: HOST:PORT, IPv4 as IPv4 also on a dual-stack listener."""
    host = getattr(address, "host", None)
    if host is None:
        return "unix"
    host = host_of(address)
    port = getattr(address, "port", 0)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def host_of(address: IAddress | None) -> str:
    """Return a peer's host without the port; ``unix`` for a UNIX socket."""
    host: str | None = getattr(address, "host", None)
    return "unix" if host is None else host.removeprefix("::ffff:")
