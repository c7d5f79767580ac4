"""The seams between the client's parts that know Twisted."""

from typing import Protocol

from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.python.failure import Failure

from chatd.client.net.reasons import Ending


class OpenConnection(Protocol):
    """A connection that is open, as link number ``link``."""

    link: int

    def read(self, on: bool) -> None:
        """Read, or leave what arrives where it is."""


class Hearer(Protocol):
    """Who hears what becomes of the links: the driver."""

    def dialling(self, link: int) -> None:
        """Note that link ``link`` is being opened."""

    def opened(self, connection: OpenConnection) -> None:
        """Note that a transport is open."""

    def received(self, link: int, data: bytes) -> None:
        """Take in what link ``link`` brought."""

    def writable(self, link: int, on: bool) -> None:
        """Note whether link ``link`` takes more bytes."""

    def ended(self, link: int, failure: Failure) -> None:
        """Note that link ``link`` ended, or could not be opened."""


class Way(Protocol):
    """A way to the server: how to get there, and what its failures mean."""

    def endpoint(self, segment: int = 0) -> IStreamClientEndpoint:
        """Return an endpoint for one attempt; its segments have at most ``segment`` bytes, 0 is no bound."""

    def ending(self, failure: Failure) -> Ending:
        """Return what ``failure`` means."""

    def unheard(self, failure: Failure) -> Ending:
        """Return what ``failure`` means where the server had not said a word."""
