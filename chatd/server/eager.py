"""Eager transports: a write is sent at once if nothing is buffered, and otherwise in Twisted's way.

Twisted's `write` only buffers, arms the descriptor (epoll_ctl), sends in the next turn and disarms it again.
Sending at once saves that for every write that the kernel takes, which is nearly every one. The rest of a
partial send, and every error, goes Twisted's way, so that order and the end of connections stay its own.
"""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet import tcp, unix

LEANS_ON: Final = (
    "TLS",
    "_maybePauseProducer",
    "_tempDataLen",
    "_writeDisconnected",
    "connected",
    "dataBuffer",
    "producer",
    "producerPaused",
    "socket",
    "streamingProducer",
)
"""The internals of Twisted's transports that this relies on; a test says when they change."""


class _Eager:
    """The write of both kinds of transports."""

    def _maybePauseProducer(self: Any) -> None:
        """Pause the producer as soon as anything is buffered, not only beyond some size."""
        if self.producer is not None and self.streamingProducer and not self.producerPaused:
            self.producerPaused = True
            self.producer.pauseProducing()

    def write(self: Any, data: bytes) -> None:
        """Send ``data`` now as far as the kernel takes it. The rest is sent when it takes more."""
        if self._tempDataLen or self.dataBuffer or self._writeDisconnected or self.TLS or not self.connected:
            super().write(data)  # type: ignore[misc]
            return
        try:
            sent = self.socket.send(data)
        except OSError:
            sent = 0
        if sent < len(data):
            super().write(data[sent:])  # type: ignore[misc]


class EagerServer(_Eager, tcp.Server):
    """An accepted TCP connection that sends at once; below TLS as well."""


class EagerUnixServer(_Eager, unix.Server):
    """An accepted connection of a UNIX socket that sends at once."""


def outlet(transport: Any) -> Callable[[bytes], int] | None:
    """Return the system call that sends on ``transport``; None if that would bypass a layer or a buffer.

    It may be called only while nothing is buffered: between the pauses of a registered producer.
    """
    return transport.socket.send if type(transport) in _EAGER.values() and not transport.TLS else None


_EAGER: Final[dict[type, type]] = {tcp.Server: EagerServer, unix.Server: EagerUnixServer}


def send_eagerly(port: Any) -> None:
    """Have the connections that ``port`` will accept send at once, if their transport is a known one."""
    stock = getattr(port, "transport", None)
    if stock in _EAGER:
        port.transport = _EAGER[stock]
