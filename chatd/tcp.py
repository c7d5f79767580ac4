"""TCP sockets below Twisted's transports: what the kernel knows of a connection and Twisted does not tell."""

import socket
import struct
from typing import Any, Final

_INFO_SIZE: Final = 232
_OUT_OF_ORDER: Final = struct.Struct("@I")
_OUT_OF_ORDER_AT: Final = 224
"""Where tcpi_rcv_ooopack lies in struct tcp_info (linux/tcp.h, since Linux 5.4)."""


def socket_of(transport: Any) -> socket.socket | None:
    """Return the TCP socket below ``transport`` and below TLS, or None where there is none."""
    while not hasattr(transport, "socket") and hasattr(transport, "transport"):
        transport = transport.transport
    found = getattr(transport, "socket", None)
    if isinstance(found, socket.socket) and found.family in {socket.AF_INET, socket.AF_INET6}:
        return found
    return None


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
