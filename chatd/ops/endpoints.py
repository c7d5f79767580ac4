"""Finds out what an endpoint string would listen on, without listening."""

import ipaddress
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from cryptography.x509 import Certificate
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.ssl import CertificateOptions

_MAX_PORT: Final = 65_535


_DOMAINS: Final = ("INET", "INET6", "UNIX")
"""The kinds of sockets that systemd can hand over to us."""


class EndpointError(ValueError):
    """An endpoint string that cannot be listened on; the text is a sentence."""


class Listening(NamedTuple):
    """Whether an endpoint has TLS of its own, made of ``options``, and is on loopback only; its ``chain``."""

    tls: bool
    local: bool
    chain: tuple[Certificate, ...] = ()
    options: CertificateOptions | None = None


class _Rehearsal:
    """Stands where an endpoint expects a reactor, and notes what it is asked to listen on."""

    def __init__(self) -> None:
        self.heard: Listening | None = None

    def listenTCP(self, port: int, _factory: object, backlog: int = 50, interface: str = "") -> None:
        del backlog
        self._note(port, interface, tls=False)

    def listenSSL(
        self, port: int, _factory: object, contextFactory: object, backlog: int = 50, interface: str = ""
    ) -> None:
        del backlog
        options: Any = contextFactory
        self._note(port, interface, tls=True)
        if self.heard is not None:
            shown = (options.certificate, *(options.extraCertChain or ()))
            chain = tuple(one.to_cryptography() for one in shown)
            self.heard = self.heard._replace(chain=chain, options=options)

    def listenUNIX(self, *_arguments: Any, **_options: Any) -> None:
        self.heard = Listening(tls=False, local=True)

    def _note(self, port: int, interface: str, *, tls: bool) -> None:
        if not 0 <= port <= _MAX_PORT:
            raise EndpointError(f"{port} is not a port; ports go from 0 to {_MAX_PORT}.")
        self.heard = Listening(tls=tls, local=is_loopback(interface))


def is_loopback(interface: str) -> bool:
    """Return whether ``interface``, an address or empty for all of them, is this machine's own loopback."""
    if not interface:
        return False
    try:
        address = ipaddress.ip_address(interface.partition("%")[0])
    except ValueError:
        raise EndpointError(f"the interface {interface!r} is not an IP address; write 127.0.0.1.") from None
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _systemd(description: str) -> Listening:
    # The socket comes with the environment; which address it has, its unit alone knows.
    kind, *rest = description.removeprefix("haproxy:").split(":")
    words = [word.partition("=")[::2] for word in rest]
    values = dict(words)
    index = values.get("index", "0")
    right = (
        kind == "systemd"
        and len(values) == len(words)
        and set(values) in ({"domain", "index"}, {"domain", "name"})
        and values["domain"] in _DOMAINS
        and index.isascii()
        and index.isdigit()
    )
    if not right:
        raise EndpointError(
            f"{description!r} names no socket of systemd; write systemd:domain=INET:index=0, or name=NAME"
            f" instead of the index, with {', '.join(_DOMAINS)} as the domain."
        )
    return Listening(tls=False, local=values["domain"] == "UNIX")


def from_systemd(description: str) -> bool:
    """Return whether systemd hands the socket of the endpoint ``description`` over."""
    return description.removeprefix("haproxy:").startswith("systemd:")


def _stdio(_description: str) -> Listening:
    raise EndpointError("stdio: is no listener; write tcp:, tcp6:, unix: or ssl:.")


_NOT_REHEARSED: Final[dict[str, Callable[[str], Listening]]] = {"systemd": _systemd, "stdio": _stdio}


def rehearse(description: str) -> Listening:
    """Return what the endpoint string ``description`` listens on. Raises `EndpointError` if it could not.

    An endpoint of an unknown kind counts as plain text that everyone can reach.
    """
    for word in description.split(":"):
        if word in _NOT_REHEARSED:
            return _NOT_REHEARSED[word](description)
    stage = _Rehearsal()
    failures: list[Any] = []
    try:
        endpoint: IStreamServerEndpoint = serverFromString(stage, description)
        endpoint.listen(Factory()).addErrback(failures.append)
    except Exception as error:  # noqa: BLE001 - endpoint parsers are plugins and raise whatever they like
        raise EndpointError(_sentence(description, error)) from None
    for failure in failures:
        if failure.check(EndpointError):
            raise failure.value
    return stage.heard or Listening(tls=False, local=False)


def own_tls(description: str) -> CertificateOptions | None:
    """Return the TLS of an endpoint ``ssl:``, made of its files as they are now; None for other endpoints."""
    return rehearse(description).options if description.startswith("ssl:") else None


def _sentence(description: str, error: Exception) -> str:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if isinstance(error, OSError) and error.filename:
        reason = f"{error.filename}: {reason}"
    return (
        f"{description!r} is not an endpoint that can be listened on ({reason.rstrip('.')}); "
        "a right one is tcp:7411:interface=127.0.0.1."
    )
