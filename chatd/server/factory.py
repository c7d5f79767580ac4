"""The factories of connections: one for each kind that a listener may speak, all for one server."""

from typing import Final

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ServerFactory

from chatd.server.lines.protocol import LinesProtocol
from chatd.server.listener_rules import LOCAL, ListenerRules
from chatd.server.native.protocol import NativeProtocol
from chatd.server.protocol import ChatProtocol
from chatd.server.server import Server

KINDS: Final[dict[str, type[NativeProtocol | LinesProtocol]]] = {
    kind.speaks: kind for kind in (NativeProtocol, LinesProtocol)
}
"""The kinds of connections, by the ``protocol`` of a listener."""


class ChatFactory(ServerFactory):
    """Makes a connection of one kind for each that is accepted, once it has its ``server``.

    ``rules`` are those of the listener, for everybody who came in there.
    """

    noisy = False

    def __init__(self, protocol: str, server: Server | None = None, rules: ListenerRules = LOCAL) -> None:
        self.server = server
        self.rules = rules
        self.speak(protocol)

    def speak(self, protocol: str) -> None:
        """Make connections that speak ``protocol`` from now on."""
        self._kind = KINDS[protocol]

    def buildProtocol(self, addr: IAddress | None) -> ChatProtocol | None:
        """Return the protocol of a new connection; none before the daemon is ready or while it drains."""
        del addr
        if self.server is None or self.server.draining:
            return None
        protocol = self._kind(self.server, self)
        protocol.factory = self
        return protocol


def factories(server: Server | None = None) -> dict[str, ChatFactory]:
    """Return a factory for each kind of connection."""
    return {protocol: ChatFactory(protocol, server) for protocol in KINDS}
