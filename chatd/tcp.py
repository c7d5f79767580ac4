"""TCP sockets below Twisted's transports: their options, and what the kernel knows of them."""

import fcntl
import socket
import struct
import termios
from dataclasses import dataclass
from typing import Any, Final

NOTSENT_LOWAT: Final = 16_384
"""Bytes that the kernel takes before it can send them: what waits longer, waits where it can be seen."""

_INFO_SIZE: Final = 232
_OUT_OF_ORDER: Final = struct.Struct("@I")
_OUT_OF_ORDER_AT: Final = 224
"""Where tcpi_rcv_ooopack lies in struct tcp_info (linux/tcp.h, since Linux 5.4)."""

_INT: Final = struct.Struct("i")


@dataclass(frozen=True, slots=True)
class Tuning:
    """TCP options that help and never decide: the heartbeat does.

    After ``idle`` seconds of silence the kernel probes every ``interval`` seconds, ``probes`` times; sent
    bytes may stay unacknowledged for ``user_timeout`` milliseconds (RFC 5482).
    """

    idle: int
    interval: int
    probes: int
    user_timeout: int

    def apply(self, transport: Any) -> None:
        """Set the options that this system has; a transport without a TCP socket is left alone."""
        handle = socket_of(transport)
        if handle is None:
            return
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (
            ("TCP_NODELAY", 1),
            ("TCP_KEEPIDLE", self.idle),
            ("TCP_KEEPINTVL", self.interval),
            ("TCP_KEEPCNT", self.probes),
            ("TCP_USER_TIMEOUT", self.user_timeout),
            ("TCP_NOTSENT_LOWAT", NOTSENT_LOWAT),
        ):
            if hasattr(socket, name):
                handle.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _lowest(transport: Any) -> Any:
    """Return the transport that owns the socket, below TLS."""
    while not hasattr(transport, "socket") and hasattr(transport, "transport"):
        transport = transport.transport
    return transport


def socket_of(transport: Any) -> socket.socket | None:
    """Return the TCP socket below ``transport`` and below TLS, or None where there is none."""
    found = getattr(_lowest(transport), "socket", None)
    if isinstance(found, socket.socket) and found.family in {socket.AF_INET, socket.AF_INET6}:
        return found
    return None


def unsent(transport: Any) -> int:
    """Return how many written bytes the peer's system has not acknowledged, as far as can be known."""
    lowest = _lowest(transport)
    waiting = len(getattr(lowest, "dataBuffer", b"")) - getattr(lowest, "offset", 0)
    waiting += getattr(lowest, "_tempDataLen", 0)
    handle = socket_of(transport)
    if handle is None:
        return waiting
    try:
        answer = fcntl.ioctl(handle.fileno(), termios.TIOCOUTQ, _INT.pack(0))
    except OSError:
        return waiting
    return waiting + int(_INT.unpack(answer)[0])


def out_of_order(transport: Any) -> int:
    """Return how many segments with data have arrived out of order; 0 where the system does not tell.

    While one lost segment is sent again, sometimes for longer than a heartbeat's limit, those behind it
    arrive and cannot be read. They are bytes from the peer all the same.
    """
    handle = socket_of(transport)
    if handle is None or not hasattr(socket, "TCP_INFO"):
        return 0
    try:
        info = handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_SIZE)
    except OSError:
        return 0
    if len(info) < _OUT_OF_ORDER_AT + _OUT_OF_ORDER.size:
        return 0
    return int(_OUT_OF_ORDER.unpack_from(info, _OUT_OF_ORDER_AT)[0])
