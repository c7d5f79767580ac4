"""Opens a listener: an endpoint of the configuration, with what accepts there."""

import errno
import os
import socket
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from twisted.internet import tcp, unix
from twisted.internet.endpoints import AdoptedStreamServerEndpoint, serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.protocols.haproxy import proxyEndpoint
from twisted.python.failure import Failure

from chatd.ops.endpoints import from_systemd
from chatd.ops.settings import ListenConfig
from chatd.server.systemd import handed_over, handed_problem
from chatd.server.tls_options import agree

_WITH_BACKLOG: Final = frozenset({"tcp", "tcp6", "ssl", "unix"})

_LONGEST_PATH: Final = 107
"""Bytes of the path of a UNIX socket (unix(7)); other systems have a few less."""


class ListenError(Exception):
    """A listener that cannot be opened: one sentence that says what to do.

    ``in_use`` says that somebody else listens there, so that it may be possible later.
    """

    def __init__(self, sentence: str, in_use: bool = False) -> None:
        super().__init__(sentence)
        self.in_use = in_use


def listen(reactor: object, listener: ListenConfig, factory: IProtocolFactory) -> IListeningPort:
    """Return the port of ``listener``, which accepts for ``factory``. Raises `ListenError`."""
    outcome = _try(reactor, listener, factory)
    if isinstance(outcome, Failure) and _clear_stale_socket(outcome.value):
        outcome = _try(reactor, listener, factory)
    if isinstance(outcome, Failure):
        raise ListenError(explain(listener, outcome.value), _in_use(outcome.value))
    return outcome


def adopt(reactor: object, listener: ListenConfig, factory: IProtocolFactory, number: int) -> IListeningPort:
    """Return the port over the listening socket ``number``, which was opened for ``listener`` before.

    The descriptor is closed, as the port has one of its own. Raises `ListenError`.
    """
    outcome = _try(reactor, listener, factory, number)
    if isinstance(outcome, Failure):
        raise ListenError(explain(listener, outcome.value))
    return outcome


def _try(
    reactor: object, listener: ListenConfig, factory: IProtocolFactory, number: int | None = None
) -> IListeningPort | Failure:
    outcome: list[IListeningPort | Failure] = []
    try:
        endpoint = _endpoint(reactor, listener) if number is None else _adopted(reactor, listener, number)
        endpoint.listen(factory).addBoth(outcome.append)
    except Exception as error:
        raise ListenError(explain(listener, error)) from error
    if not outcome:
        raise ListenError(f"Nothing can listen on {listener.endpoint} at once; name another endpoint.")
    return outcome[0]


def can_reopen(endpoint: str, port: IListeningPort) -> bool:
    """Return whether what listens on ``port`` could do so again, once it was closed.

    It cannot where systemd made the socket, or only root might, and the daemon is root no longer.
    """
    if from_systemd(endpoint) or not isinstance(port, tcp.Port):
        return False
    own = port.socket.getsockname()
    if port.addressFamily == socket.AF_UNIX:
        return os.access(Path(os.fsdecode(own)).parent, os.W_OK | os.X_OK)
    try:
        with socket.socket(port.addressFamily) as probe:
            probe.bind(own)
    except OSError as error:
        return error.errno == errno.EADDRINUSE  # by itself; the system asks for privileges before
    return True


def check_handed(listeners: Iterable[ListenConfig]) -> None:
    """Raise `ListenError` if a listener cannot have the systemd socket that it names."""
    problem = handed_problem((listener.endpoint for listener in listeners), handed_over())
    if problem is not None:
        raise ListenError("Nothing can listen on {}: {}.".format(*problem))


def _clear_stale_socket(error: BaseException | None) -> bool:
    """Remove the UNIX socket that could not be listened on, if nobody answers there: a crash has left it.

    What is no socket is somebody's file, which the system answers for just as for a socket without anybody.
    """
    if not isinstance(error, CannotListenError) or not isinstance(error.port, str | bytes):
        return False
    path = Path(os.fsdecode(error.port))
    lock = Path(f"{path}.lock")  # of Twisted, a link to a number that may be ours by now
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(error.port)
        except ConnectionRefusedError:
            if not path.is_socket():
                return False
        except OSError:
            return False
        else:
            return False
    path.unlink(missing_ok=True)
    if lock.is_symlink():
        lock.unlink(missing_ok=True)
    return True


def _endpoint(reactor: object, listener: ListenConfig) -> IStreamServerEndpoint:
    description = listener.endpoint
    if description.split(":")[0] in _WITH_BACKLOG and "backlog=" not in description:
        description += f":backlog={listener.backlog}"
    endpoint: IStreamServerEndpoint = serverFromString(_Bare(reactor, listener), description)
    return endpoint


def _adopted(reactor: object, listener: ListenConfig, number: int) -> IStreamServerEndpoint:
    with socket.socket(fileno=os.dup(number)) as copy:
        family = copy.family
    endpoint = AdoptedStreamServerEndpoint(_Bare(reactor, listener), number, family)
    return proxyEndpoint(endpoint) if listener.endpoint.startswith("haproxy:") else endpoint


class _AdoptedUnix(unix.Port):
    """A UNIX socket that was made by somebody else: its mode stays, and its file too where it is ``kept``.

    Twisted lets everybody connect to what it adopts, and removes it at the end.
    """

    kept = False

    def startListening(self) -> None:
        """Begin to accept."""
        with suppress(OSError):
            self.mode = stat.S_IMODE(Path(os.fsdecode(self._bindPath)).stat().st_mode)
        super().startListening()  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure) -> None:
        """Close."""
        if self.kept:
            self._bindPath = b"\0"  # which is no file
        super().connectionLost(reason)  # type: ignore[no-untyped-call]


class _Bare:
    """The reactor, for an endpoint that may bring TLS of its own.

    That of ``ssl:`` is in the doorway, where its certificate can be exchanged. Where the endpoint wraps an
    ``ssl:`` one TLS names the protocol; Twisted's own way refuses everybody who names any.
    """

    def __init__(self, reactor: Any, listener: ListenConfig) -> None:
        self._reactor = reactor
        self._listener = listener

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> IListeningPort:
        """Listen on a socket that is listening already."""
        listening: Any
        if addressFamily != socket.AF_UNIX:
            listening = self._reactor.adoptStreamPort(fileDescriptor, addressFamily, factory)
            return listening  # type: ignore[no-any-return]
        listening = _AdoptedUnix._fromListeningDescriptor(  # type: ignore[no-untyped-call] # noqa: SLF001
            self._reactor, fileDescriptor, factory
        )
        listening.backlog = self._listener.backlog
        listening.kept = from_systemd(self._listener.endpoint)
        listening.startListening()
        return listening  # type: ignore[no-any-return]

    def listenSSL(self, port: int, factory: Any, contextFactory: Any, **more: Any) -> IListeningPort:
        """Listen with TLS that agrees on the protocol."""
        listening: IListeningPort
        if self._listener.endpoint.startswith("ssl:"):
            listening = self._reactor.listenTCP(port, factory, **more)
        else:
            agree(contextFactory, self._listener)
            listening = self._reactor.listenSSL(port, factory, contextFactory, **more)
        return listening


def _in_use(error: BaseException | None) -> bool:
    """Return whether ``error`` says that somebody listens there; a lock of Twisted's has no number."""
    cause = error.socketError if isinstance(error, CannotListenError) else error
    return isinstance(cause, str) or getattr(cause, "errno", None) == errno.EADDRINUSE


def explain(listener: ListenConfig, error: BaseException | None) -> str:
    """Return the sentence about ``error``, which kept ``listener`` from being opened."""
    why, hint = _reason(error)
    return f"Nothing can listen on {listener.endpoint}: {why}; {hint}."


def _reason(error: BaseException | None) -> tuple[str, str]:
    """Return what is wrong, and what to do."""
    cause = error.socketError if isinstance(error, CannotListenError) else error
    why = getattr(cause, "strerror", None) or str(cause)
    number = getattr(cause, "errno", None)
    path = error.port if isinstance(error, CannotListenError) else None
    if isinstance(path, str | bytes):  # of a UNIX socket
        if number == errno.EADDRINUSE and not Path(os.fsdecode(path)).is_socket():
            return f"{os.fsdecode(path)} is there already and is no socket", "name another path"
        if "too long" in why and number in (None, errno.ENAMETOOLONG):
            return why, f"name a shorter path, of {_LONGEST_PATH} bytes at most"
    if number in (errno.EADDRINUSE, None):  # a lock of Twisted's has no number
        return why, "stop what is there or name another endpoint"
    return why, "name another endpoint"
