"""The doorway: what a port accepts for. What is behind it can be exchanged while the port stays open."""

from typing import Any

from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory
from twisted.internet.protocol import ServerFactory
from twisted.protocols.tls import TLSMemoryBIOFactory

from chatd.ops.relays import Trusted
from chatd.ops.settings import ListenConfig
from chatd.server.factory import ChatFactory
from chatd.server.relay import RelayFactory
from chatd.server.secure import SecureFactory
from chatd.server.tls_options import Material, tls_options


class Doorway(ServerFactory):
    """Hands each new connection to ``inside``; those that are in keep what they came through."""

    noisy = False

    def __init__(self, inside: IProtocolFactory) -> None:
        self.inside = inside

    def buildProtocol(self, addr: IAddress) -> IProtocol | None:  # type: ignore[override]
        """Return what ``inside`` makes for a new connection."""
        return self.inside.buildProtocol(addr)


def inside(listener: ListenConfig, material: Material, chat: ChatFactory) -> IProtocolFactory:
    """Return ``chat`` behind the PROXY header and the TLS that ``listener`` wants. Raises ValueError."""
    factory: Any = chat
    options: Any = tls_options(listener, material)
    if listener.tls:
        factory = SecureFactory(options, factory, chat)
    elif options is not None:
        factory = TLSMemoryBIOFactory(options, False, factory)
        factory.noisy = False
    if listener.proxy_protocol:
        factory = RelayFactory(factory, chat, Trusted(listener.trusted))
    return factory  # type: ignore[no-any-return]
