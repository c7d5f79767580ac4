"""The daemon's end of a control connection: who is there, one request after the other, answered in turns."""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall, IPushProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.control.access import Access, Credentials, Role, credentials_of
from chatd.control.context import Context
from chatd.control.messages import MAX_LINE, Ask, Done, Refused, RefusedError, read_asked
from chatd.control.stream import Stream
from chatd.control.table import REQUESTS
from chatd.ops.log import Log
from chatd.wire.errors import ChatdError, ProtocolError
from chatd.wire.lines import LineDecoder, encode
from chatd.wire.messages import Message
from chatd.wire.objects import UnknownRequestError

log = Log(__name__)

MAX_CONNECTIONS: Final = 32
"""Control connections at once; each may hold a list of all connections while it is answered."""

PATIENCE: Final = 60.0
"""Seconds for which an answer waits for whoever asked, before the connection is ended."""


@implementer(IPushProducer)
class ControlProtocol(Protocol):
    """One connection of the control socket."""

    transport: Any

    def __init__(self, home: "ControlFactory", context: Context) -> None:
        self._home = home
        self._context = context
        self._decoder = LineDecoder(MAX_LINE)
        self._who: Credentials | None = None
        self._role = Role.NOBODY
        self._stream: Stream | None = None
        self._answering: Deferred[Any] | None = None
        self._stuck: IDelayedCall | None = None
        self._ended = False

    def connectionMade(self) -> None:
        """Ask the system who is there."""
        self._home.open.add(self)
        self.transport.registerProducer(self, True)
        try:
            self._who = self._home.credentials(self.transport)
        except OSError:
            self.transport.abortConnection()
            return
        self._role = self._home.access.role_of(self._who)
        if self._role is Role.NOBODY:
            log.warn("control-refused", "Somebody may not use the control socket.", uid=self._who.user)
            self._refuse(0, RefusedError("not-permitted", NOT_PERMITTED))
        elif len(self._home.open) > MAX_CONNECTIONS:
            self._refuse(0, RefusedError("busy", "Too many commands are asking at once; try again."))

    def _refuse(self, request: int, error: RefusedError) -> None:
        """Refuse everything, and end."""
        self._say(Refused(id=request, code=error.code, text=error.text))
        self._end()

    def dataReceived(self, data: bytes) -> None:
        """Take bytes of requests. Nothing more is read while one is being answered."""
        if not self._ended:
            self._decoder.feed(data)
            self._next()

    def _next(self) -> None:
        while self._answering is None and not self._ended:
            try:
                line = self._decoder.take()
                if line is None:
                    return
                if line.strip():
                    self._take(read_asked.read(line))
            except UnknownRequestError as error:
                self._say(Refused(id=error.id, code=str(error.code), text=error.text))
            except ProtocolError as error:
                self._refuse(0, RefusedError(str(error.code), error.text))

    def _take(self, asked: Ask) -> None:
        handling = REQUESTS[type(asked)]
        if self._role < handling.role:
            self._say(Refused(id=asked.id, code="not-permitted", text=ONLY_LOOK))
            return
        self._stream = stream = Stream(asked.id, self._write, self._context.clock)
        self.transport.pauseProducing()
        self._answering = answering = Deferred.fromCoroutine(self._answer(handling.answer, stream, asked))
        if answering.called:
            self._answering = None

    async def _answer(self, answer: Callable[..., Any], stream: Stream, asked: Ask) -> None:
        try:
            text = await answer(self._context, stream, asked)
            stream.flush()
            self._say(Done(id=asked.id, text=text or "", note=stream.note))
            self._note(asked)
        except CancelledError:
            return
        except RefusedError as error:
            self._say(Refused(id=asked.id, code=error.code, text=error.text))
        except ChatdError as error:
            self._say(Refused(id=asked.id, code=str(error.code), text=error.text))
        except Exception:  # noqa: BLE001 - a fault costs this request alone and is logged
            log.failure("control-fault", None)
            self._say(Refused(id=asked.id, code="fault", text=FAULT))
        self._stream = self._answering = None
        if not self._ended:
            self.transport.resumeProducing()
            self._context.clock.callLater(0, self._next)

    def _note(self, asked: Ask) -> None:
        """Log what was changed, and by whom; texts and secrets have no field there."""
        if REQUESTS[type(asked)].role < Role.CHANGE:
            return
        log.info(
            "operated",
            uid=self._who and self._who.user,
            request=str(type(asked).__struct_config__.tag),
            nick=getattr(asked, "nick", None) or getattr(asked, "whom", None),
            room=getattr(asked, "room", None) or None,
        )

    # ---- bytes out ----------------------------------------------------------------------------------

    def _say(self, message: Message) -> None:
        self._write(encode(message))

    def _write(self, data: bytes) -> None:
        if not self._ended:
            self.transport.write(data)

    def _end(self) -> None:
        self._ended = True
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def pauseProducing(self) -> None:
        """Make no more rows: what was written has not been taken."""
        if self._stuck is None:
            self._stuck = self._context.clock.callLater(PATIENCE, self._give_up)
        if self._stream is not None:
            self._stream.pause()

    def resumeProducing(self) -> None:
        """Go on."""
        self._calm()
        if self._stream is not None:
            self._stream.resume()

    def stopProducing(self) -> None:
        """Do nothing: `connectionLost` follows."""

    def _give_up(self) -> None:
        self._stuck = None
        self.transport.abortConnection()

    def _calm(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Stop answering."""
        del reason
        self._ended = True
        self._calm()
        self._home.open.discard(self)
        if self._answering is not None:
            self._answering.cancel()


def _credentials(transport: Any) -> Credentials:
    return credentials_of(transport.getHandle())


class ControlFactory(Factory):
    """Makes the connections of the control socket; ``credentials`` asks the system who is there."""

    noisy = False

    def __init__(
        self,
        context: Context,
        access: Access,
        credentials: Callable[[Any], Credentials] = _credentials,
    ) -> None:
        self.access = access
        self.credentials = credentials
        self.open: set[ControlProtocol] = set()
        self._context = context

    def buildProtocol(self, addr: IAddress | None) -> ControlProtocol:
        """Return the protocol of a new connection."""
        del addr
        return ControlProtocol(self, self._context)

    def close(self) -> None:
        """End all connections."""
        for protocol in list(self.open):
            protocol.transport.abortConnection()


NOT_PERMITTED: Final = (
    "You may not ask this daemon; be root, its own user, or in the group that [control] names."
)
ONLY_LOOK: Final = 'You may only look; [control] rights = "change" lets the group do more.'
FAULT: Final = "The daemon could not answer, by a fault of its own; its log has the traceback."
