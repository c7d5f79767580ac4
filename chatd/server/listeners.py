"""Listeners: endpoints from the configuration, with TLS and PROXY headers if it says so."""

import errno
import os
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from OpenSSL import SSL, crypto
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.ssl import Certificate, CertificateOptions, KeyPair
from twisted.python.failure import Failure

from chatd.ops.relays import Trusted
from chatd.ops.settings import ListenConfig
from chatd.server.factory import ChatFactory
from chatd.server.relay import RelayEndpoint
from chatd.server.secure import SecureEndpoint
from chatd.server.systemd import handed_over, handed_problem
from chatd.wire.frames import ALPN

_WITH_BACKLOG: Final = frozenset({"tcp", "tcp6", "ssl", "unix"})
_PEM_END: Final = b"-----END CERTIFICATE-----"


class ListenError(Exception):
    """A listener that cannot be opened: one sentence that says what to do."""


def listen(reactor: object, listener: ListenConfig, factory: ChatFactory) -> IListeningPort:
    """Return the port that accepts for ``factory``. Raises `ListenError`."""
    outcome = _try(reactor, listener, factory)
    if isinstance(outcome, Failure) and _clear_stale_socket(outcome.value):
        outcome = _try(reactor, listener, factory)
    if isinstance(outcome, Failure):
        raise ListenError(_explain(listener, outcome.value))
    return outcome


def _try(reactor: object, listener: ListenConfig, factory: ChatFactory) -> IListeningPort | Failure:
    outcome: list[IListeningPort | Failure] = []
    try:
        _endpoint(reactor, listener, factory).listen(factory).addBoth(outcome.append)
    except Exception as error:
        raise ListenError(_explain(listener, error)) from error
    if not outcome:
        raise ListenError(f"Nothing can listen on {listener.endpoint} at once; name another endpoint.")
    return outcome[0]


def check_handed(listeners: Iterable[ListenConfig]) -> None:
    """Raise `ListenError` if a listener cannot have the systemd socket that it names."""
    problem = handed_problem((listener.endpoint for listener in listeners), handed_over())
    if problem is not None:
        raise ListenError("Nothing can listen on {}: {}.".format(*problem))


def _clear_stale_socket(error: BaseException | None) -> bool:
    """Remove the UNIX socket that could not be listened on, if nobody answers there: a crash has left it."""
    if not isinstance(error, CannotListenError) or not isinstance(error.port, str | bytes):
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(error.port)
        except ConnectionRefusedError:
            path = os.fsdecode(error.port)
            Path(path).unlink(missing_ok=True)
            Path(f"{path}.lock").unlink(missing_ok=True)  # of Twisted, with a number that may be ours by now
            return True
        except OSError:
            return False
    return False


def _endpoint(reactor: object, listener: ListenConfig, chat: ChatFactory) -> IStreamServerEndpoint:
    description = listener.endpoint
    if description.split(":")[0] in _WITH_BACKLOG and "backlog=" not in description:
        description += f":backlog={listener.backlog}"
    endpoint = serverFromString(_Agreeing(reactor, listener), description)
    if listener.proxy_protocol:
        endpoint = RelayEndpoint(endpoint, chat, Trusted(listener.trusted))
    return SecureEndpoint(_tls_options(listener), endpoint, chat) if listener.tls else endpoint


def _tls_options(listener: ListenConfig) -> CertificateOptions:
    """Return TLS 1.2 or newer with the listener's certificate chain and key, both PEM.

    Whoever comes back within hours shows a ticket, and spares both sides the signatures.
    """
    first, *chain = [certificate.original for certificate in _certificates(listener.certificate)]
    key = KeyPair.load(Path(listener.key).read_bytes(), crypto.FILETYPE_PEM)
    asks = listener.client_certificates != "none"
    options = CertificateOptions(
        privateKey=key.original,
        certificate=first,
        extraCertChain=chain,
        verify=asks,
        caCerts=[one.original for one in _certificates(listener.client_ca)] if asks else None,
        requireCertificate=listener.client_certificates == "required",
        enableSessionTickets=True,
    )
    _agree(options, listener)
    return options


def _agree(options: Any, listener: ListenConfig) -> None:
    """Let TLS name the protocol to clients that name it too; whoever names others alone goes on without."""
    ours = {ALPN} if listener.protocol == "native" else set()
    options.getContext().set_alpn_select_callback(
        lambda _, offered: next(iter(ours.intersection(offered)), SSL.NO_OVERLAPPING_PROTOCOLS)
    )


class _Agreeing:
    """The reactor, for an endpoint that may bring TLS of its own (``ssl:``).

    Twisted's own way refuses everybody who names any protocol.
    """

    def __init__(self, reactor: Any, listener: ListenConfig) -> None:
        self._reactor = reactor
        self._listener = listener

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenSSL(self, port: int, factory: Any, contextFactory: Any, **more: Any) -> IListeningPort:
        """Listen with TLS that agrees on the protocol."""
        _agree(contextFactory, self._listener)
        listening: IListeningPort = self._reactor.listenSSL(port, factory, contextFactory, **more)
        return listening


def _certificates(path: str) -> list[Certificate]:
    blocks = Path(path).read_bytes().split(_PEM_END)[:-1]
    return [Certificate.loadPEM(block + _PEM_END) for block in blocks]


def _explain(listener: ListenConfig, error: BaseException | None) -> str:
    cause = error.socketError if isinstance(error, CannotListenError) else error
    why = getattr(cause, "strerror", None) or str(cause)
    taken = getattr(cause, "errno", None) in (errno.EADDRINUSE, None)  # a lock of Twisted's has no number
    hint = "stop what is there or name another endpoint" if taken else "name another endpoint"
    return f"Nothing can listen on {listener.endpoint}: {why}; {hint}."
