"""The base of every kind of connection: bytes in, requests to the hub, effects out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Final

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.chat.codec import Codec
from chatd.chat.log import Log as ChatLog
from chatd.chat.state import HistoryQuery, Session
from chatd.ops.log import Log
from chatd.server import addresses, ending, watch
from chatd.server.dialogue import Handler, found
from chatd.server.ending import last_words
from chatd.server.files.transfers import Transfers
from chatd.server.fingerprint import fingerprint_of, version_of
from chatd.server.gate import Hold
from chatd.server.handshake import why_failed
from chatd.server.input import Decoder, Input
from chatd.server.listener_rules import Listening
from chatd.server.liveness import Liveness
from chatd.server.output import Output
from chatd.server.paths import Course
from chatd.server.reads import answer
from chatd.server.record import Record
from chatd.server.server import Server
from chatd.server.states import State
from chatd.server.steering import steer
from chatd.tcp import Tuning, far_host, held_back
from chatd.wire.errors import ChatdError, CloseReason, Code, RequestError
from chatd.wire.heartbeat import Heartbeat
from chatd.wire.messages import Download, File, Goodbye, Message, Ok, Remove, Upload

log = Log(__name__)

TUNING: Final = Tuning(idle=30, interval=10, probes=3, user_timeout=900_000)


@implementer(IPushProducer)
class ChatConnection(Protocol, ABC):
    """One connection; the hub knows it as a `chatd.chat.state.Peer`.

    ``input`` decides when a further piece is taken, ``output`` is where messages go; ``liveness`` is what the
    reaper judges the connection by.
    A kind of connection is a subclass: it tells what it ``speaks``, and brings a ``codec``, a ``decoder``,
    `take`, which handles pieces, and its table of ``MESSAGES`` (`chatd.server.dialogue`).
    """

    # They keep a connection small, and spare a look into a dictionary for every message.
    __slots__ = (
        "address",
        "answered",
        "bytes_in",
        "close_reason",
        "course",
        "input",
        "listener",
        "liveness",
        "messages_in",
        "number",
        "opened",
        "output",
        "peer_host",
        "reader",
        "record",
        "relay",
        "server",
        "session",
        "state",
        "transfers",
    )

    transport: Any
    speaks: ClassVar[str]
    codec: ClassVar[Codec]
    takes_files: ClassVar[bool]
    decode_all: Callable[[list[bytes]], Iterator[object]]
    MESSAGES: ClassVar[Mapping[tuple[State, type], Handler]]

    def __init__(self, server: Server, listener: Listening, decoder: Decoder) -> None:
        now = server.clock.seconds()
        self.server = server
        self.listener = listener
        self.state = State.OPENED
        self.liveness = Liveness(Heartbeat(server.pulse.interval, server.pulse.misses, now), now)
        self.input = Input(self, server, decoder)
        self.output = Output(
            self.codec, self.liveness, server.counters, server.clock, self.catch_up, self.fault
        )
        self.reader = self.output.reader
        self.transfers: Transfers | None = None
        self.session: Session | None = None
        self.close_reason: CloseReason | None = None
        self.bytes_in = self.messages_in = self.answered = 0
        self.number = 0
        self.course: Course | None = None
        self.record = Record()
        self.address = self.peer_host = ""
        self.relay: str | None = None
        self.opened = now

    @property
    def certificate(self) -> str:
        """Return the fingerprint of the certificate that the peer has shown: `fingerprint_of`."""
        return fingerprint_of(self.transport)

    @property
    def tls(self) -> str:
        """Return the version of TLS that is spoken; nothing for plain text."""
        return version_of(self.transport)

    @property
    def reads_only(self) -> bool:
        """Return whether it is a guest's, where guests only read."""
        guests, session = self.listener.rules.guests, self.session
        return guests != "allowed" and session is not None and session.user.account is None

    # ---- for each kind of connection -----------------------------------------------------------------

    @abstractmethod
    def take(self, most: int) -> int:
        """Take the next piece, or up to ``most`` of them as long as the gate allows it; return how many.

        It is 0 if no whole piece has come. Raises `ProtocolError`.
        """

    @abstractmethod
    def is_beat(self) -> bool:
        """Return whether the next piece is a ping or a pong."""

    # ---- Twisted's side -----------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Begin. The hello has to come before the deadline."""
        TUNING.apply(self.transport)
        self.output.transport = self.transport
        peer = self.transport.getPeer()
        self.address = addresses.name_of(peer)
        self.peer_host = addresses.host_of(peer)
        self.relay = addresses.relay_of(self.transport)
        self.transport.registerProducer(self, True)
        host = far_host(self.transport)
        if host:
            self.course = self.server.paths.begin(host, self.server.clock.seconds())
        steer(self)
        error = self.server.opened(self)
        if error is not None:
            self.fail(error, CloseReason.REFUSED)

    def dataReceived(self, data: bytes) -> None:
        """Take in bytes; any byte is a sign of life."""
        size = len(data)
        self.bytes_in += size
        self.server.counters.bytes_in += size
        self.liveness.heartbeat.heard(self.server.clock.seconds())
        if self.state is State.CLOSING:
            return
        self.input.feed(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Let go of session and logs, whatever ended the connection."""
        if self.state is State.OPENED and (failed := why_failed(reason)):
            ending.attempt(self, self.server.journal.turned_away, *failed, self.transport.getPeer())
            ending.leave(self, CloseReason.REFUSED)
        ending.leave(self, CloseReason.LOST)
        ending.attempt(self, self.server.closed, self)

    def pauseProducing(self) -> None:
        """Stop taking and handing out: the transport is full."""
        self.liveness.due = 0.0
        self.input.gate.hold(Hold.FULL)
        self.reader.pause()

    def resumeProducing(self) -> None:
        """Go on: the transport has drained."""
        if self.state is State.CLOSING:
            return
        self.input.gate.lift(Hold.FULL)
        self.reader.resume()
        if self.reader.lags:
            self.server.delivery.add(self)
        self.input.go_on()
        if self.transfers is not None:
            self.transfers.pump()

    def stopProducing(self) -> None:
        """Do nothing: the connection is gone and `connectionLost` follows."""

    # ---- the hub's side: chatd.chat.state.Peer ------------------------------------------------------

    def reply(self, messages: Sequence[Message], answered: int) -> None:
        """Write messages that answer ``answered`` requests. Further requests are taken at the next visit."""
        self.answered += answered
        self.input.gate.settle(answered)
        if messages:
            self.output.write(self.codec.encode_all(messages))
        if answered:
            self.input.go_on()

    def note_refusal(self, code: Code) -> None:
        """Note that a request was refused."""
        self.record.refused(code)

    @property
    def pauses(self) -> int:
        """Return how often it was not read for a moment, because too much was asked."""
        return self.input.gate.pauses

    def fault(self) -> None:
        """End the connection because of the current exception, which concerns it alone (P8)."""
        log.failure("connection-fault", None, peer=self.address)
        self.close(CloseReason.FAULT)

    def catch_up(self) -> None:
        """Have the reader brought forward."""
        self.server.delivery.add(self)

    def wait(self) -> None:
        """Take nothing more before `go_on`."""
        self.input.gate.hold(Hold.PAGE)

    def go_on(self) -> None:
        """Take on."""
        self.input.gate.lift(Hold.PAGE)
        self.input.go_on()

    def read(self, query: HistoryQuery) -> None:
        """Answer with a page of history as soon as it has been read. No other request is taken before."""
        self.input.gate.hold(Hold.PAGE)
        self.server.reads.page(query, partial(self._page, query))

    def _page(self, query: HistoryQuery, events: list[bytes] | None) -> None:
        self.input.gate.lift(Hold.PAGE)
        if self.state is State.CLOSING:
            return
        try:
            query.allowed()
            self.reply([answer(query, events)], 1)
        except RequestError as error:
            self.server.hub.refuse(self, query.request, error)
        except Exception:  # noqa: BLE001 - a fault costs this connection alone and is logged (P8)
            self.fault()

    def find(self, request: Remove, chat_log: ChatLog) -> None:
        """Ask the hub again once the event was read that ``request`` names. Nothing else is taken before."""
        self.input.gate.hold(Hold.PAGE)
        seq = request.seq
        self.server.reads.read(chat_log, seq, seq, 1, False, partial(found, self, request))

    def upload(self, request: Upload, held: bool) -> Ok | None:
        """Begin an upload, unless all of it is ``held``: then return the answer."""
        return None if self.session is None else self._files().upload(self.session, request, held)

    def download(self, request: Download, room: str, seq: int, file: File) -> None:
        """Begin a download."""
        ok = Ok(id=request.id, seq=seq, room=room, offset=request.offset, file=file)
        if self.session is not None:
            self._files().download(self.session, request, ok, file)

    def end_downloads(self, room: str, first: Callable[[], int]) -> None:
        """End downloads of what the user may not read any more."""
        if self.transfers is not None:
            self.transfers.end_downloads(room, first())

    def end_removed(self, room: str, seq: int) -> None:
        """End downloads of a file whose event was removed."""
        if self.transfers is not None:
            self.transfers.end_removed(room, seq)

    def _files(self) -> Transfers:
        if self.transfers is None:
            self.transfers = self.server.transfers(self)
        return self.transfers

    @property
    def at_ease(self) -> bool:
        """Return whether the connection is up and nothing else waits to be written: chat goes first."""
        return (
            self.state is State.LIVE
            and not self.reader.paused
            and not self.reader.lags
            and not held_back(self.transport)
        )

    @property
    def ready(self) -> bool:
        """Return whether the connection is up and its transport can take more."""
        return self.state is not State.CLOSING and not self.reader.paused

    # ---- the end ------------------------------------------------------------------------------------

    def close(self, reason: CloseReason, text: str = "", retry_after: float | None = None) -> None:
        """End the connection with a goodbye; bytes that the peer does not take in time are dropped."""
        ending.end(self, reason, Goodbye(reason=reason, text=text, retry_after=retry_after))

    def fail(self, error: ChatdError, reason: CloseReason | None = None) -> None:
        """End the connection with ``error`` as the last words, and log that."""
        if self.state is State.CLOSING:
            return
        if reason is None:
            reason = CloseReason.FLOOD if error.code is Code.TOO_FAST else CloseReason.BAD_INPUT
        self.server.journal.refused(self, error)
        ending.end(self, reason, last_words(error))

    def abort(self, reason: CloseReason) -> None:
        """End the connection at once, because the peer takes nothing any more."""
        ending.leave(self, reason)
        ending.attempt(self, self.transport.abortConnection)

    def renew_allowance(self) -> None:
        """Ask what the limits in force allow from now on."""
        if self.session is not None and self.state is State.LIVE:
            host = self.peer_host
            self.input.gate.renew(
                self.server.allowance(self.session, host), self.server.volume(self.session, host)
            )
            self.input.go_on()

    # ---- the reaper's side --------------------------------------------------------------------------

    @property
    def due(self) -> float:
        """Return the monotonic second before which `sweep` would find nothing to do."""
        return self.liveness.due

    def sweep(self, now: float) -> None:
        """Look at the clock and ping, end or abort if that is due."""
        watch.look(self, now)

    def forgive(self, now: float) -> None:
        """Begin every count anew: the daemon was not listening."""
        self.liveness.forgive(now)
