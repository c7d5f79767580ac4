"""Why a connection failed or ended, in words that a person understands."""

import errno
import os
from collections.abc import Callable
from typing import Final

from msgspec import Struct
from twisted.internet import error
from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure

from chatd.client.core.address import parse_address


class Ending(Struct, frozen=True):
    """How a link ended: ``answered`` if somebody was there, ``code`` where people have to mend something.

    With a ``code`` no further attempt is made, unless it is ``slow``: then somebody may mend it at the other
    end, but hardly soon, and it is tried again rarely. So it is where the reason is ``renewable``, as a
    certificate that has expired, and the server was reached before in this run. A port where nothing listens
    answers nothing that costs anybody anything: that counts as silence.
    """

    text: str
    answered: bool = False
    code: str = ""
    slow: bool = False
    renewable: bool = False

    @property
    def final(self) -> bool:
        """Return whether no further attempt can succeed."""
        return bool(self.code) and not self.slow


TIMED_OUT: Final = Ending("timed out")
TOLD_UNREACHABLE: Final = Ending("a router on the way says that it is unreachable")
"""An ICMP answer to the first packet: Twisted knows the end, but not the error number behind it."""

CLOSED: Final = Ending("closed by the server or on the way", answered=True)
"""The end of the stream and a reset: which of both is seen is chance, above all behind a relay."""

_TLS_OVER_UNIX: Final = ", which chatc does not do over a UNIX socket; look at the address"

_BY_ERRNO: Final[dict[int, Ending]] = {
    errno.ECONNREFUSED: Ending("refused: nothing listens there"),
    errno.ENOENT: Ending("there is no such socket"),
    errno.EACCES: Ending("this user may not use that socket", answered=True),
    errno.ETIMEDOUT: TIMED_OUT,
    errno.ENETUNREACH: Ending("the network is unreachable"),
    errno.EHOSTUNREACH: Ending("the host is unreachable"),
}

_BY_TYPE: Final[tuple[tuple[type[BaseException], Ending], ...]] = (
    (error.ConnectionRefusedError, _BY_ERRNO[errno.ECONNREFUSED]),
    (error.DNSLookupError, Ending("name not found")),
    (error.UnknownHostError, Ending("name not found")),
    (error.NoRouteError, Ending("the network is unreachable")),
    (error.TCPTimedOutError, TIMED_OUT),
    (error.TimeoutError, TIMED_OUT),
    (CancelledError, TIMED_OUT),
    (error.ConnectionDone, CLOSED),
    (error.ConnectionAborted, CLOSED),
    (error.ConnectionLost, CLOSED),
    (error.UserError, TIMED_OUT),
    (error.ConnectError, TOLD_UNREACHABLE),
)


def ending(failure: Failure, secured: Callable[[Failure], Ending | None] | None = None) -> Ending:
    """Return what ``failure`` means; ``secured`` knows the failures of TLS."""
    problem = failure.value
    known = secured(failure) if secured is not None else None
    number = getattr(problem, "osError", None)
    if known is None and isinstance(number, int):
        known = _BY_ERRNO.get(number) or Ending(os.strerror(number).lower())
    if known is None:
        known = next((found for kind, found in _BY_TYPE if isinstance(problem, kind)), None)
    return known or Ending(str(problem) or type(problem).__name__)


def stranger(data: bytes, address: str) -> Ending | None:
    """Return what the first bytes of a peer tell, if they say how chatd is to be reached there."""
    if data[:1] in (b"\x15", b"\x16") and data[1:2] == b"\x03":
        secured = parse_address(address).secured
        way = f"; use {secured}" if secured else _TLS_OVER_UNIX
        return Ending(f"it speaks TLS{way}", answered=True, code="tls-expected", slow=True)
    if data.startswith(b'{"t":'):
        text = "JSON lines are spoken there, which chatc does not speak; look at the port"
        return Ending(text, answered=True, slow=True)
    return None


def closed(failure: Failure) -> bool:
    """Return whether ``failure`` is the end of an open connection, and no more is known of it."""
    return bool(failure.check(error.ConnectionDone, error.ConnectionAborted, error.ConnectionLost))
