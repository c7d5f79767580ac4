"""Ways to a server: which endpoint an address means, and what its failures mean."""

from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.python.failure import Failure

from chatd.client.address import Address
from chatd.client.link import ATTEMPT
from chatd.client.reasons import Ending, ending


class PlainWay:
    """Over TCP (with all addresses of a name tried side by side, RFC 8305) or to a UNIX socket."""

    def __init__(self, reactor: IReactorTime, address: Address) -> None:
        self._reactor = reactor
        self._address = address

    def endpoint(self) -> IStreamClientEndpoint:
        """Return an endpoint for one attempt."""
        address = self._address
        if address.scheme == "unix":
            return UNIXClientEndpoint(self._reactor, address.host, timeout=ATTEMPT)
        return HostnameEndpoint(self._reactor, address.host, address.port, timeout=ATTEMPT)

    def ending(self, failure: Failure) -> Ending:
        """Return what ``failure`` means."""
        return ending(failure)


class SecureWay(PlainWay):
    """Over TLS; the server's name is verified, by the authorities in ``ca`` or the system's."""

    def __init__(self, reactor: IReactorTime, address: Address, ca: str | None) -> None:
        from chatd.client.tls import Verifier, load_authorities  # noqa: PLC0415 - plain links start faster

        super().__init__(reactor, address)
        self._verifier = Verifier(address.host, str(address), load_authorities(ca) if ca else ())

    def endpoint(self) -> IStreamClientEndpoint:
        """Return an endpoint for one attempt."""
        from twisted.internet.endpoints import wrapClientTLS  # noqa: PLC0415

        return wrapClientTLS(self._verifier, super().endpoint())

    def ending(self, failure: Failure) -> Ending:
        """Return what ``failure`` means."""
        return ending(failure, self._verifier.ending)


def way_to(reactor: IReactorTime, address: Address, ca: str | None) -> PlainWay:
    """Return the way to ``address``. Raises `ClientError` where ``ca`` cannot be used."""
    if address.scheme == "tls":
        return SecureWay(reactor, address, ca)
    return PlainWay(reactor, address)
