"""The factory of connections: one per listener, all of them at one desk."""

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ServerFactory

from chatd.server.desk import Desk
from chatd.server.native.protocol import NativeProtocol


class ChatFactory(ServerFactory):
    """Makes a `NativeProtocol` per accepted connection, once it has been given its ``desk``."""

    noisy = False

    def __init__(self, desk: Desk | None = None) -> None:
        self.desk = desk

    def buildProtocol(self, addr: IAddress | None) -> NativeProtocol | None:
        """Return the protocol of a new connection; none before the daemon is ready or while it drains."""
        del addr
        if self.desk is None or self.desk.draining:
            return None
        protocol = NativeProtocol(self.desk)
        protocol.factory = self
        return protocol
