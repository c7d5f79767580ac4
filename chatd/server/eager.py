"""Eager transports: a write is sent at once if nothing is buffered, and otherwise in Twisted's way.

Twisted's `write` only buffers, arms the descriptor (epoll_ctl), sends in the next turn and disarms it again.
Sending at once saves that for every write that the kernel takes, which is nearly every one. The rest of a
partial send, and every error, goes Twisted's way, so that order and the end of connections stay its own.

A narrow one sends in pieces that the system keeps apart, each a segment of its own. That is the only way to
bound the segments of a connection that is open: TCP_MAXSEG comes too late then.
"""

import errno
import socket
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from twisted.internet import main, tcp, unix

from chatd.server.sealing import sealed, speaks_tls

LEANS_ON: Final = (
    "TLS",
    "_maybePauseProducer",
    "_tempDataBuffer",
    "_tempDataLen",
    "_writeDisconnected",
    "connected",
    "dataBuffer",
    "logstr",
    "producer",
    "producerPaused",
    "repstr",
    "socket",
    "streamingProducer",
)
"""The internals of Twisted's transports that this relies on; a test says when they change."""


def send_pieces(handle: socket.socket, size: int, data: bytes) -> int:
    """Send ``data`` as segments of at most ``size`` bytes; return how many bytes the system has taken.

    Nothing is added to a segment behind MSG_EOR (Linux 4.7), neither at first nor when it is repeated.
    Raises `OSError` if nothing is taken.
    """
    view, sent = memoryview(data), 0
    while sent < len(view):
        piece = view[sent : sent + size]
        try:
            taken = handle.send(piece, socket.MSG_EOR)
        except OSError:
            if not sent:
                raise
            break
        sent += taken
        if taken < len(piece):
            break
    return sent


class _Eager:
    """The write of both kinds of transports. ``piece`` bounds its segments, 0: not.

    What Twisted prepares for each and most never need, is made when it is needed: there may be very many.
    """

    piece = 0

    def __init__(self: Any, *arguments: Any) -> None:
        super().__init__(*arguments)
        _spare(self)

    def __repr__(self: Any) -> str:
        """Return what it is, for the log."""
        protocol = type(getattr(self, "protocol", None)).__name__
        return f"<{type(self).__name__} of a {protocol}, number {self.sessionno}>"

    def logPrefix(self: Any) -> str:
        """Return what speaks over it."""
        return type(getattr(self, "protocol", None)).__name__

    def _maybePauseProducer(self: Any) -> None:
        """Pause the producer as soon as anything is buffered, not only beyond some size."""
        if self.producer is not None and self.streamingProducer and not self.producerPaused:
            self.producerPaused = True
            self.producer.pauseProducing()

    def write(self: Any, data: bytes) -> None:
        """Send ``data`` now as far as the kernel takes it. The rest is sent when it takes more."""
        if self._tempDataLen or self.dataBuffer or self._writeDisconnected or self.TLS or not self.connected:
            self._buffer(data)
            return
        try:
            sent = send_pieces(self.socket, self.piece, data) if self.piece else self.socket.send(data)
        except OSError:
            sent = 0
        if sent < len(data):
            self._buffer(data[sent:])

    def writeSequence(self: Any, parts: Iterable[bytes]) -> None:
        """Send all ``parts``, in Twisted's way."""
        self._buffer(b"".join(parts))

    def _buffer(self: Any, data: bytes) -> None:
        _own_buffer(self)
        super().write(data)  # type: ignore[misc]

    def writeSomeData(self: Any, data: bytes) -> Any:
        """Send what the kernel takes of ``data``; return how much that is, or why the connection is lost."""
        if not self.piece:
            return super().writeSomeData(data)  # type: ignore[misc]
        try:
            return send_pieces(self.socket, self.piece, data[: self.SEND_LIMIT])
        except OSError as error:
            return 0 if error.errno in _BUSY else main.CONNECTION_LOST


_NOTHING: Final = ()
"""What is buffered of a transport that has buffered nothing yet."""


def _spare(transport: Any) -> None:
    """Do without a buffer of its own, and without names that nobody may ever read."""
    transport._tempDataBuffer = _NOTHING  # noqa: SLF001 - as LEANS_ON says
    transport.logstr = transport.repstr = ""


def _own_buffer(transport: Any) -> None:
    if transport._tempDataBuffer is _NOTHING:  # noqa: SLF001 - as above
        transport._tempDataBuffer = []  # noqa: SLF001 - as above


class EagerServer(_Eager, tcp.Server):
    """An accepted TCP connection that sends at once; below TLS as well."""


class EagerUnixServer(_Eager, unix.Server):
    """An accepted connection of a UNIX socket that sends at once."""


def outlet(transport: Any) -> Callable[[bytes], int] | None:
    """Return what sends on ``transport`` at once; None if that would bypass a layer or a buffer.

    It may be called only while nothing is buffered: between the pauses of a registered producer.
    """
    if speaks_tls(transport):
        below = outlet(transport.transport)
        return None if below is None else sealed(transport, below)
    if type(transport) not in _EAGER.values() or transport.TLS:
        return None
    if transport.piece:
        return partial(send_pieces, transport.socket, transport.piece)
    send: Callable[[bytes], int] = transport.socket.send
    return send


def narrow(transport: Any, size: int) -> None:
    """Bound the segments of the eager TCP transport below ``transport`` to ``size`` bytes; 0: not."""
    while transport is not None and not isinstance(transport, EagerServer):
        transport = getattr(transport, "transport", None)
    if transport is not None:
        transport.piece = size


_BUSY: Final = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EINTR, errno.ENOBUFS})
"""What says that the system takes nothing now, as in Twisted's own `writeSomeData`."""

_EAGER: Final[dict[type, type]] = {tcp.Server: EagerServer, unix.Server: EagerUnixServer}


def send_eagerly(port: Any) -> None:
    """Have the connections that ``port`` will accept send at once, if their transport is a known one."""
    stock = getattr(port, "transport", None)
    if stock in _EAGER:
        port.transport = _EAGER[stock]
