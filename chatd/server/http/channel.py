"""Twisted's HTTP/1.1 with bounds of what one connection may cost.

Twisted takes a body of any size, answers all that came in one piece in one turn, and reads on while nobody
takes its answers.
"""

from collections.abc import Callable
from io import BytesIO
from typing import Any, BinaryIO

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.server import Request, Site

from chatd.server.http.answers import last_answer
from chatd.server.http.limits import MAX_BODY, MAX_HEAD, MAX_HEADERS
from chatd.server.http.pages import TEXT
from chatd.wire.errors import ChatdError, Code, ProtocolError


class BoundedRequest(Request):
    """A request. It is answered in the next turn, so that many in one piece hold up nobody (P6)."""

    channel: Any
    content: Any
    defaultContentType = TEXT

    def handleContentChunk(self, data: bytes) -> None:
        """Take a piece of the body, as long as it is not too large."""
        if self.content.tell() + len(data) > MAX_BODY:
            self.channel.refuse(too_large())
        else:
            super().handleContentChunk(data)  # type: ignore[no-untyped-call]

    def process(self) -> None:
        """Answer soon."""
        self.channel.soon(self._process)

    def _process(self) -> None:
        if not self._disconnected and not self.finished:
            super().process()  # type: ignore[no-untyped-call]


class BoundedChannel(HTTPChannel):
    """One connection. What comes behind a refusal is dropped."""

    transport: Any
    callLater: Callable[..., object]

    MAX_LENGTH = MAX_HEAD
    totalHeadersSize = MAX_HEAD
    maxHeaders = MAX_HEADERS
    requestFactory = BoundedRequest

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.refused = False
        self._full = False
        self._waiting: Callable[[], None] | None = None

    def dataReceived(self, data: bytes) -> None:
        """Take bytes in."""
        if not self.refused:
            super().dataReceived(data)  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Hold nothing in a circle."""
        self._waiting = self._transferDecoder = None
        self.refused = True
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def pauseProducing(self) -> None:
        """Answer nothing more: the transport is full."""
        self._full = True
        super().pauseProducing()  # type: ignore[no-untyped-call]
        self._networkProducer.pauseProducing()  # Twisted reads on while a request is answered, without end

    def resumeProducing(self) -> None:
        """Go on: the transport has drained."""
        self._full = False
        super().resumeProducing()  # type: ignore[no-untyped-call]
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self.soon(waiting)

    def soon(self, answer: Callable[[], None]) -> None:
        """Call ``answer`` in the next turn, or as soon as the transport takes more."""
        self.callLater(0, self._answer, answer)

    def _answer(self, answer: Callable[[], None]) -> None:
        if self._full:
            self._waiting = answer
        else:
            answer()

    def allHeadersReceived(self) -> None:
        """Refuse a body that announces itself as too large, before it is asked for."""
        if self.length is not None and self.length > MAX_BODY:
            self.refuse(too_large())
            self.length = None
            self._transferDecoder = _Dropping()
            return
        super().allHeadersReceived()  # type: ignore[no-untyped-call]

    def resetTimeout(self) -> None:
        """Do nothing: a request has to come whole in time, and to send a byte now and then gains none."""

    def allContentReceived(self) -> None:
        """Answer the request, which is complete. The answer has to be taken in time as well."""
        if not self.refused:
            timeout = self.timeOut
            super().allContentReceived()  # type: ignore[no-untyped-call]
            self.setTimeout(timeout)  # type: ignore[no-untyped-call]

    def lineReceived(self, line: bytes) -> None:
        """Take a line of a head. A refusal may stand before lines that came with what it is about."""
        if not self.refused:
            super().lineReceived(line)  # type: ignore[no-untyped-call]

    def rawDataReceived(self, data: bytes) -> None:
        """Take a piece of a body, or of what comes behind it."""
        if not self.refused:
            super().rawDataReceived(data)

    def lineLengthExceeded(self, line: bytes) -> None:
        """Refuse a request line, or a header, that is too long."""
        del line
        self.refuse(ProtocolError(Code.FRAME_TOO_LARGE, f"A head has {MAX_HEAD} bytes at the most."))

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.refuse(ProtocolError(Code.BAD_MESSAGE, "That is no HTTP/1.1 request that this server takes."))

    def refuse(self, error: ChatdError) -> None:
        """Answer with ``error`` and end the connection."""
        if not self.refused:
            self.refused = True
            self.transport.write(last_answer(error))
            self.loseConnection()  # type: ignore[no-untyped-call]


class BoundedSite(Site):
    """Pages whose requests have bounds."""

    noisy = False
    displayTracebacks = False
    protocol = BoundedChannel  # type: ignore[assignment]
    requestFactory = BoundedRequest

    def __init__(self, root: Any, clock: Any, timeout: float | None = None) -> None:
        super().__init__(root, timeout=timeout, reactor=clock, parsePOSTFormSubmission=False)  # type: ignore[no-untyped-call]

    def getContentFile(self, length: int | None) -> BinaryIO:
        """Return what keeps a body, which is small."""
        del length
        return BytesIO()

    def log(self, request: object) -> None:
        """Say nothing."""


class _Dropping:
    """Takes what is left of a body that was refused."""

    def dataReceived(self, data: bytes) -> None:
        """Drop ``data``."""


def too_large() -> ProtocolError:
    """Return what is said to a body that is too large."""
    return ProtocolError(Code.TEXT_TOO_LONG, f"A body has {MAX_BODY} bytes at the most.")
