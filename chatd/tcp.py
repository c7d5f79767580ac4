"""TCP sockets below Twisted's transports: their options, and the kernel's knowledge of them."""

import fcntl
import socket
import struct
import sys
import termios
from contextlib import suppress
from typing import Any, Final, NamedTuple

from msgspec import Struct

NOTSENT_LOWAT: Final = 16_384
"""Bytes that the kernel takes before it can send them; all others wait where they can be seen."""

_INFO_SIZE: Final = 232
_BYTES_RECEIVED: Final = (128, struct.Struct("@Q"))
_OUT_OF_ORDER: Final = (224, struct.Struct("@I"))
"""Where tcpi_bytes_received and tcpi_rcv_ooopack lie in struct tcp_info (linux/tcp.h)."""

_FLOW: Final = struct.Struct("@2xB21xI24xI")
"""The same for tcpi_retransmits, tcpi_unacked and tcpi_last_data_recv."""

_ROUND_TRIP: Final = (68, struct.Struct("@I"))
"""The same for tcpi_rtt."""

_MTU_DISCOVER: Final = 10
_DONT: Final = 0
"""IP_MTU_DISCOVER and IP_PMTUDISC_DONT (linux/in.h), which Python does not name."""

_INT: Final = struct.Struct("i")


class Tuning(Struct, frozen=True):
    """TCP options that help, and never decide: the heartbeat does that.

    After ``idle`` seconds of silence the kernel probes every ``interval`` seconds, ``probes`` times; sent
    bytes may stay unacknowledged for ``user_timeout`` milliseconds (RFC 5482). That must be long: the kernel
    counts a full window as unacknowledged until a whole segment fits, and would end a reader that only lags.
    """

    idle: int
    interval: int
    probes: int
    user_timeout: int

    def apply(self, transport: Any) -> None:
        """Set the options that this system has. A transport without a TCP socket is left alone."""
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
    """Return the TCP socket below ``transport`` and its TLS; None if there is none."""
    found = getattr(_lowest(transport), "socket", None)
    if isinstance(found, socket.socket) and super(socket.socket, found).family in _FAMILIES:
        return found
    return None


_FAMILIES: Final = (int(socket.AF_INET), int(socket.AF_INET6))
"""As plain numbers, as the system has them: to make names of them takes longer than all else there."""


def held_back(transport: Any) -> int:
    """Return how many written bytes our own system has not taken, as far as can be known."""
    lowest = _lowest(transport)
    return max(0, _buffered(lowest) - int(getattr(lowest, "kernel", 0)))


def _buffered(lowest: Any) -> int:
    waiting = len(getattr(lowest, "dataBuffer", b"")) - getattr(lowest, "offset", 0)
    return int(waiting + getattr(lowest, "_tempDataLen", 0))


def allow_unsent(transport: Any, size: int) -> None:
    """Let the kernel take ``size`` bytes before it can send them, if it knows such a limit."""
    handle = socket_of(transport)
    if hasattr(transport, "kernel"):
        transport.kernel = size
    elif handle is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, size)


CAN_LIMIT_SEGMENTS: Final = hasattr(socket, "TCP_MAXSEG")
"""Whether this system lets a program bound the segments of a connection."""


def limit_segments(transport: Any, size: int) -> None:
    """Bound the segments of a connection that is not open yet to ``size`` bytes, in both directions.

    Of a listening port: those of all connections that are accepted from now on; 0 is no bound.
    """
    handle = socket_of(transport)
    if handle is not None and CAN_LIMIT_SEGMENTS:
        with suppress(OSError):
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, size)


def allow_fragments(transport: Any) -> None:
    """Let routers take apart what we send where it is too large for the way, from now on.

    That holds for what was sent in vain before as well, when the system repeats it. Routers of IPv6 do not
    do that, and what merely drops large packets does not either.
    """
    handle = socket_of(transport)
    if handle is not None and sys.platform == "linux":
        with suppress(OSError):
            handle.setsockopt(socket.IPPROTO_IP, _MTU_DISCOVER, _DONT)


class Flow(NamedTuple):
    """What the system tells of the bytes of a connection.

    ``waiting`` segments were sent and are not acknowledged, for which ``repeats`` times one was repeated in
    vain; for ``silence`` seconds no data has come from the peer. While the peer does not read, nothing is
    sent, and so nothing repeated.
    """

    waiting: int = 0
    repeats: int = 0
    silence: float = 0.0


def flow(transport: Any) -> Flow:
    """Return how what was sent is taken; nothing waits where the system does not tell."""
    handle = socket_of(transport)
    if handle is None or not hasattr(socket, "TCP_INFO"):
        return _STILL
    try:
        info = handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _FLOW.size)
    except OSError:
        return _STILL
    if len(info) < _FLOW.size:
        return _STILL
    repeats, waiting, silence = _FLOW.unpack(info)
    return Flow(waiting, repeats, silence / 1000)


_STILL: Final = Flow()


def far_host(transport: Any) -> str:
    """Return the host that the TCP connection below ``transport`` goes to; "" if there is none."""
    handle = socket_of(transport)
    try:
        return "" if handle is None else str(handle.getpeername()[0]).removeprefix("::ffff:")
    except OSError:
        return ""


def unsent(transport: Any) -> int:
    """Return how many written bytes the peer's system has not acknowledged, as far as can be known."""
    waiting = _buffered(_lowest(transport))
    handle = socket_of(transport)
    if handle is None:
        return waiting
    try:
        answer = fcntl.ioctl(handle.fileno(), termios.TIOCOUTQ, _INT.pack(0))
    except OSError:
        return waiting
    return waiting + int(_INT.unpack(answer)[0])


def out_of_order(transport: Any) -> int:
    """Return how many data segments have arrived out of order; 0 if the system does not tell.

    While one lost segment is sent again, sometimes for longer than a heartbeat's limit, those behind it
    arrive and cannot be read. They are bytes from the peer all the same.
    """
    return _info(socket_of(transport), _OUT_OF_ORDER)


def in_order(transport: Any) -> int:
    """Return how many bytes have come that can be read, those of TLS among them; 0 if nobody knows."""
    return _info(socket_of(transport), _BYTES_RECEIVED)


def round_trip(transport: Any) -> float | None:
    """Return the seconds that the system has measured to the other end and back; None if it does not tell."""
    microseconds = _info(socket_of(transport), _ROUND_TRIP)
    return microseconds / 1e6 if microseconds else None


def arrived(transport: Any) -> int:
    """Return a count that grows whenever data arrives from the peer, whether it is read or not."""
    handle = socket_of(transport)
    if handle is None:
        return _unread(_lowest(transport))
    return _info(handle, _BYTES_RECEIVED, _OUT_OF_ORDER)


def _info(handle: socket.socket | None, *fields: tuple[int, struct.Struct]) -> int:
    """Return the sum of ``fields``, 0 for those that the system does not tell."""
    if handle is None or not hasattr(socket, "TCP_INFO"):
        return 0
    try:
        info = handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_SIZE)
    except OSError:
        return 0
    told = len(info)
    return sum([int(form.unpack_from(info, at)[0]) for at, form in fields if told >= at + form.size])


def _unread(transport: Any) -> int:
    """Return how many bytes lie unread in another kind of transport: a UNIX socket, or one in memory."""
    handle = getattr(transport, "socket", None)
    if handle is None:
        return int(getattr(transport, "unread", 0))
    try:
        return int(_INT.unpack(fcntl.ioctl(handle.fileno(), termios.FIONREAD, _INT.pack(0)))[0])
    except OSError:
        return 0
