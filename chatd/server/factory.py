"""The factories of connections: one for each kind that a listener may speak, all for one server."""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ServerFactory

from chatd.server.lines.protocol import LinesProtocol
from chatd.server.listener_rules import LOCAL, ListenerRules, Listening
from chatd.server.native.protocol import NativeProtocol
from chatd.server.server import Server

KINDS: Final[dict[str, type[NativeProtocol | LinesProtocol]]] = {
    kind.speaks: kind for kind in (NativeProtocol, LinesProtocol)
}
"""The kinds of connections that speak the chat from their first byte, by the listener's ``protocol``."""

WEB: Final = "web"
"""The ``protocol`` of a listener for HTTP, over which other kinds may come."""


IRC: Final = "irc"
"""The ``protocol`` of a listener for clients of IRC."""

IRC_WEBSOCKET: Final = "irc-websocket"
"""What a listener for clients of IRC in browsers speaks."""


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
        self._kind = _LATE[protocol]() if protocol in _LATE else KINDS[protocol]

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Return the protocol of a new connection; none before the daemon is ready or while it drains."""
        del addr
        if self.server is None or self.server.draining:
            return None
        return self._kind(self.server, self)


def web() -> Callable[[Server, Listening], Any]:
    """Return what makes connections that speak HTTP, all of them with the same pages."""
    from chatd.server.web.site import WebSite  # noqa: PLC0415 - it brings HTTP, which few want

    return _channels(WebSite)


def _channels(site_of: Callable[[Server], Any]) -> Callable[[Server, Listening], Any]:
    """Return what makes connections that speak HTTP, for what ``site_of`` returns for a server."""
    from chatd.server.web.channel import WebChannel  # noqa: PLC0415 - as above

    sites: dict[Server, Any] = {}

    def make(server: Server, listener: Listening) -> Any:
        if server not in sites:
            sites.clear()
            sites[server] = site_of(server)
        return WebChannel(sites[server], server, listener)

    return make


def irc() -> Callable[[Server, Listening], Any]:
    """Return what makes connections that speak IRC."""
    from chatd.server.irc.protocol import IrcProtocol  # noqa: PLC0415 - few want it

    return IrcProtocol


def irc_websocket() -> Callable[[Server, Listening], Any]:
    """Return what makes connections that speak IRC over WebSocket."""
    from chatd.server.irc.websocket import SUBPROTOCOLS, by_subprotocol  # noqa: PLC0415 - few want it
    from chatd.server.web.site import WebSite  # noqa: PLC0415 - as above
    from chatd.server.web.upgrade import Everywhere  # noqa: PLC0415 - as above

    return _channels(lambda server: WebSite(server, Everywhere(by_subprotocol, tuple(SUBPROTOCOLS))))


_LATE: Final[dict[str, Callable[[], Callable[[Server, Listening], Any]]]] = {
    WEB: web,
    IRC: irc,
    IRC_WEBSOCKET: irc_websocket,
}
"""What makes connections of kinds that are loaded only where a listener speaks them."""


def factories(server: Server | None = None) -> dict[str, ChatFactory]:
    """Return a factory for each kind of connection."""
    return {protocol: ChatFactory(protocol, server) for protocol in KINDS}
