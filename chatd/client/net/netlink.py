"""Hints from the kernel: routes, addresses and links that change (rtnetlink(7)).

A change says that trying now may pay, never that anything works or does not.
"""

import socket
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

_LINK: Final = 0x1
_IPV4_ADDRESS: Final = 0x10
_IPV4_ROUTE: Final = 0x40
_IPV6_ADDRESS: Final = 0x100
_IPV6_ROUTE: Final = 0x400
GROUPS: Final = _LINK | _IPV4_ADDRESS | _IPV4_ROUTE | _IPV6_ADDRESS | _IPV6_ROUTE
"""The multicast groups of rtnetlink that tell of links, addresses and routes."""

SETTLE: Final = 0.1
"""Seconds for which changes are collected: an address and its routes come one by one."""

_MOST: Final = 65_536


@implementer(IReadDescriptor)
class NetworkWatch:
    """Calls ``hint`` a moment after the kernel has told of changes, until `stop`."""

    def __init__(self, reactor: Any, source: socket.socket, hint: Callable[[], object]) -> None:
        self._reactor = reactor
        self._socket = source
        self._hint = hint
        self._pending: IDelayedCall | None = None
        reactor.addReader(self)

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """Return what Twisted calls this in its log."""
        return "network-watch"

    def doRead(self) -> None:
        """Take in what the kernel tells; that too much was told at once (ENOBUFS) is a change too."""
        try:
            while self._socket.recv(_MOST):
                pass
        except BlockingIOError:
            pass
        except OSError:
            self._socket.setblocking(False)
        if self._pending is None:
            self._pending = self._reactor.callLater(SETTLE, self._settled)

    def _settled(self) -> None:
        self._pending = None
        self._hint()

    def connectionLost(self, reason: Failure) -> None:
        """Be told by the reactor that it stops."""
        del reason
        self.stop()

    def stop(self) -> None:
        """Watch no longer."""
        if self._socket.fileno() < 0:
            return
        self._reactor.removeReader(self)
        self._socket.close()
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None


def watch_network(reactor: IReactorTime, hint: Callable[[], object]) -> NetworkWatch | None:
    """Call ``hint`` whenever the network changes; return None where the system tells nothing."""
    if not hasattr(socket, "AF_NETLINK") or not hasattr(reactor, "addReader"):
        return None
    source = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    try:
        source.bind((0, GROUPS))
    except OSError:
        source.close()
        return None
    source.setblocking(False)
    return NetworkWatch(reactor, source, hint)
