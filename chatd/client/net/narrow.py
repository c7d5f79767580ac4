"""Narrow connections: TCP with segments of a bounded size, for paths that swallow larger packets."""

from typing import Any

from zope.interface import directlyProvides, providedBy

from chatd.tcp import limit_segments


class NarrowReactor:
    """Stands for ``reactor``, and bounds the segments of the TCP connections that it opens to ``size`` bytes.

    The bound is set before the connection opens: so the peer is told, and keeps to it as well.
    """

    def __init__(self, reactor: Any, size: int) -> None:
        self._reactor = reactor
        self._size = size
        directlyProvides(self, *providedBy(reactor))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def connectTCP(self, *arguments: Any, **options: Any) -> Any:
        """Open a TCP connection; the system's own ``connect`` comes in a later turn."""
        connector = self._reactor.connectTCP(*arguments, **options)
        limit_segments(getattr(connector, "transport", None), self._size)
        return connector


def narrowed(reactor: Any, size: int) -> Any:
    """Return ``reactor``, or what stands for it where segments are bounded to ``size`` bytes; 0: not."""
    return NarrowReactor(reactor, size) if size else reactor
