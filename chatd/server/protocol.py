"""One connection of the daemon: bytes in, requests to the hub, effects out."""

from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial
from typing import Any, ClassVar, Final

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.chat.arrival import CONFIRMATION, Arrival
from chatd.chat.reader import Reader
from chatd.chat.requests import RULES
from chatd.chat.state import HistoryQuery, Session
from chatd.ops.log import Log
from chatd.server import addresses
from chatd.server.desk import Desk
from chatd.server.eager import outlet
from chatd.server.ending import CLOSE_DEADLINE, hang_up, last_words
from chatd.server.gate import FULL_BREATH, Gate, Hold
from chatd.server.handshake import why_failed
from chatd.server.liveness import Liveness, Traffic
from chatd.server.reads import answer
from chatd.server.transfers import Transfers
from chatd.tcp import Tuning, arrived, held_back, unsent
from chatd.wire import codec
from chatd.wire.codec import UnknownRequestError, decode_to_server
from chatd.wire.errors import ChatdError, CloseReason, Code, ProtocolError
from chatd.wire.frames import FrameDecoder, FrameType, frame, split_chunk
from chatd.wire.heartbeat import Heartbeat, Verdict
from chatd.wire.limits import MAX_PING
from chatd.wire.messages import Cancel, Download, File, Goodbye, Hello, Message, Ok, Ping, Progress, Upload

log = Log(__name__)

TUNING: Final = Tuning(idle=30, interval=10, probes=3, user_timeout=900_000)

SMALL_CHUNK: Final = 1_024
"""Bytes below which a chunk's payload counts against the session's rate: no honest sender makes many such."""

SMALL_CHUNK_COST: Final = 0.1

_CONFIRMED: Final = CONFIRMATION.encode()

_STILL: Final = Ping(data="still?")
"""The ping that asks a client behind its hello whether it still wants to take its session over."""

_BEATS: Final = frozenset({FrameType.PING.value, FrameType.PONG.value})


class State(Enum):
    """Where a connection is in its life (docs/PROTOCOL.md, "States")."""

    OPENED = "opened"
    WELCOMING = "welcoming"
    LIVE = "live"
    CLOSING = "closing"

    __hash__ = object.__hash__  # every frame is looked up by it; Enum's own hashes the name, in Python


@implementer(IPushProducer)
class ChatProtocol(Protocol):
    """Speaks the wire with one peer; the hub knows it as a `chatd.chat.state.Peer`.

    Its gate says whether it takes a further frame, its liveness what the reaper judges it by.
    """

    # They keep a connection small, and spare a look into a dictionary for every message.
    __slots__ = (
        "_asked",
        "_bytes_out",
        "_decoder",
        "_desk",
        "_gate",
        "_liveness",
        "_state",
        "_transfers",
        "address",
        "answered",
        "bytes_in",
        "close_reason",
        "messages_in",
        "number",
        "opened",
        "peer_host",
        "reader",
        "relay",
        "session",
    )

    transport: Any

    def __init__(self, desk: Desk) -> None:
        now = desk.clock.seconds()
        self.reader = Reader(codec, self._hand, self.catch_up, self.fault)
        self.session: Session | None = None
        self.close_reason: CloseReason | None = None
        self.bytes_in = self._bytes_out = self.messages_in = self.answered = 0
        self.number = 0
        self.address = self.peer_host = ""
        self.relay: str | None = None
        self.opened = now
        self._desk = desk
        self._state = State.OPENED
        self._decoder = FrameDecoder()
        self._gate = Gate(desk.clock, self._go_on)
        self._liveness = Liveness(Heartbeat(desk.pulse.interval, desk.pulse.misses, now), now)
        self._transfers: Transfers | None = None
        self._asked: Deferred[None] | None = None

    # ---- Twisted's side -----------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Begin: the hello has to come before the deadline."""
        TUNING.apply(self.transport)
        peer = self.transport.getPeer()
        self.address = addresses.name_of(peer)
        self.peer_host = addresses.host_of(peer)
        self.relay = addresses.relay_of(self.transport)
        self.transport.registerProducer(self, True)
        self.reader.connect(outlet(self.transport), self._rest)
        error = self._desk.opened(self)
        if error is not None:
            self._fail(error, CloseReason.REFUSED)

    def dataReceived(self, data: bytes) -> None:
        """Take in bytes; any byte is a sign of life."""
        self.bytes_in += len(data)
        self._liveness.heartbeat.heard(self._desk.clock.seconds())
        if self._state is State.CLOSING:
            return
        self._decoder.feed(data)
        if self._asked is not None:
            asked, self._asked = self._asked, None
            asked.callback(None)
        self._beat()
        self._go_on()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End: whatever the reason, the session and the logs are let go."""
        if self._state is State.OPENED and (failed := why_failed(reason)):
            self._try(self._desk.say_refused, *failed, self.transport.getPeer())
            self._leave(CloseReason.REFUSED)
        self._leave(CloseReason.LOST)
        self._try(self._desk.closed, self)

    def pauseProducing(self) -> None:
        """Be told that the transport is full."""
        self._liveness.due = 0.0
        self._gate.hold(Hold.FULL)
        self.reader.pause()

    def resumeProducing(self) -> None:
        """Be told that the transport has drained."""
        if self._state is State.CLOSING:
            return
        self._gate.lift(Hold.FULL)
        self.reader.resume()
        if self.reader.lags:
            self._desk.delivery.add(self)
        self._go_on()
        if self._transfers is not None:
            self._transfers.pump()

    def stopProducing(self) -> None:
        """Be told that the connection is gone; `connectionLost` follows."""

    # ---- frames in ----------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Be visited, where there may be something to take or the transport is not read."""
        if self._state is State.CLOSING or not (self._decoder or not self._liveness.listening):
            return
        if not self._desk.visits.add(self):
            self._listen(False)  # what came before still waits for its visit

    def visit(self, most: int) -> bool:
        """Take ``most`` frames at the most; return whether further ones may be taken at once."""
        if self._desk.draining:
            self._gate.hold(Hold.DRAIN)
        self._hesitate()
        more = self._pump(most)
        self._listen((self._gate.may_take() and not more) or self._asked is not None)
        return more and self._gate.may_take()

    def _hesitate(self) -> None:
        """Take nothing for a while where all together have asked more than the disk takes."""
        if self._desk.hub.full and self._state is State.LIVE:
            self._gate.breathe(FULL_BREATH)

    def _pump(self, most: int) -> bool:
        """Take frames while the gate allows it; return whether it took ``most``, and more has come."""
        may_take = self._gate.may_take
        try:
            while most and may_take():
                taken = self._decoder.take()
                if taken is None:
                    break
                self._FRAMES[taken[0]](self, taken[1])
                most -= 1
            if self._transfers is not None:
                self._transfers.turn()
        except ProtocolError as error:
            self._fail(error)
        except Exception:  # noqa: BLE001 - a fault costs this connection alone and is logged (P8)
            self.fault()
        return not most and bool(self._decoder)

    def _beat(self) -> None:
        """Take the pings and pongs that nothing stands before, without waiting for a visit."""
        while self._decoder.kind in _BEATS and self._gate.may_take():
            before = len(self._decoder)
            self._pump(1)
            if len(self._decoder) == before:
                return

    def _listen(self, listen: bool) -> None:
        """Read from the transport, or stop while nothing may be taken or enough waits for a visit."""
        if listen is self._liveness.listening or self._state is State.CLOSING:
            return
        self._liveness.listen(listen, self._desk.clock.seconds())
        if listen:
            self.transport.resumeProducing()
        else:
            self.transport.pauseProducing()

    def _message(self, payload: bytes) -> None:
        self.messages_in += 1
        try:
            message = decode_to_server(payload)
        except UnknownRequestError as error:
            if self._state is State.OPENED:
                raise ProtocolError(Code.HELLO_EXPECTED, "The first message must be a hello.") from None
            self._gate.owe(len(payload), 1)
            self._desk.hub.refuse(self, error.id, error)
            return
        handler = self._MESSAGES.get((self._state, type(message)), ChatProtocol._request)
        handler(self, message, len(payload))

    def _request(self, message: Any, size: int) -> None:
        session = self.session
        if session is None:
            raise ProtocolError(Code.HELLO_EXPECTED, "The first message must be a hello.")
        rule = RULES[type(message)]
        self._gate.owe(size + rule.answer_bytes, rule.cost)
        self._desk.hub.request(self, session, message, self._desk.wall())

    def _hello(self, message: Hello, _: int) -> None:
        self._state = State.WELCOMING
        self._gate.hold(Hold.LOGIN)
        login = maybeDeferred(self._desk.login, self, message)
        login.addCallback(self._ask, message)
        login.addCallback(self._welcome, message)
        login.addErrback(self._refuse_hello)

    def _ask(self, arrival: Arrival, hello: Hello) -> Arrival | Deferred[Arrival]:
        """Ask a newcomer that may have been given up before it takes over; any byte of it is an answer."""
        if self._decoder or self._state is not State.WELCOMING or not self._desk.doubts(self, arrival, hello):
            return arrival
        self._asked = Deferred()
        self.say(_STILL)
        self._go_on()
        return self._asked.addCallback(lambda _: self._desk.login(self, hello))

    def _welcome(self, arrival: Arrival, hello: Hello) -> None:
        if self._state is not State.WELCOMING:
            return
        self._desk.arrive(self, arrival, hello)
        self._state = State.LIVE
        self._gate.allowance = self._desk.allowance(arrival.session)
        self._gate.lift(Hold.LOGIN)
        self._hesitate()
        pulse = arrival.pulse
        self._liveness.heartbeat = Heartbeat(pulse.interval, pulse.misses, self._desk.clock.seconds())
        self._go_on()

    def _refuse_hello(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, ProtocolError):
            self._fail(error, CloseReason.REFUSED)
        else:
            log.failure("login-fault", failure, peer=self.address)
            self.close(CloseReason.FAULT)

    def _second_hello(self, _: Hello, __: int) -> None:
        raise ProtocolError(Code.HELLO_REPEATED, "A connection begins once; open another for another hello.")

    def _goodbye(self, _: Goodbye, __: int) -> None:
        self.close(CloseReason.GOODBYE)

    def _chunk(self, payload: bytes) -> None:
        if self._transfers is None:
            number = split_chunk(payload)[0]
            raise ProtocolError(Code.BAD_CHUNK, f"No chunk of transfer {number} is expected.")
        self._transfers.chunk(payload)
        if len(payload) < SMALL_CHUNK:
            self._gate.charge(SMALL_CHUNK_COST)

    def _progress(self, message: Progress, _: int) -> None:
        if self._transfers is not None:
            self._transfers.progress(message)

    def _cancel(self, message: Cancel, _: int) -> None:
        if self._transfers is not None:
            self._transfers.cancel(message)

    def _ping(self, payload: bytes) -> None:
        if len(payload) > MAX_PING:
            raise ProtocolError(Code.BAD_FRAME, f"A ping carries {MAX_PING} bytes at the most.")
        self._gate.charge(1)
        self.write(frame(FrameType.PONG, payload))

    def _pong(self, payload: bytes) -> None:
        self._gate.charge(1)
        if payload == _CONFIRMED and self.session is not None:
            self._desk.hub.confirm(self.session, self._desk.wall())

    # ---- the hub's side: chatd.chat.state.Peer ------------------------------------------------------

    def reply(self, messages: Sequence[Message], answered: int) -> None:
        """Write messages that answer so many requests; further ones are taken at the next visit."""
        self.answered += answered
        self._gate.settle(answered)
        if messages:
            self.write(b"".join([codec.encode(message) for message in messages]))
        if answered:
            self._go_on()

    def refuse(self, code: Code, text: str) -> None:
        """Refuse the hello and end."""
        self._fail(ProtocolError(code, text), CloseReason.REFUSED)

    def fault(self) -> None:
        """End because of the exception that is being handled; it concerns this connection alone (P8)."""
        log.failure("connection-fault", None, peer=self.address)
        self.close(CloseReason.FAULT)

    def catch_up(self) -> None:
        """Have the reader brought forward."""
        self._desk.delivery.add(self)

    def read(self, query: HistoryQuery) -> None:
        """Answer with a page of history as soon as it has been read; no other request is taken before."""
        self._gate.hold(Hold.PAGE)
        self._desk.reads.page(query, partial(self._page, query))

    def _page(self, query: HistoryQuery, frames: list[bytes] | None) -> None:
        self._gate.lift(Hold.PAGE)
        if self._state is State.CLOSING:
            return
        try:
            self.reply([answer(query, frames)], 1)
        except Exception:  # noqa: BLE001 - a fault costs this connection alone and is logged (P8)
            self.fault()

    def upload(self, request: Upload, held: bool) -> None:
        """Begin an upload."""
        if self.session is not None:
            self._files().upload(self.session, request, held)

    def download(self, request: Download, room: str, seq: int, file: File) -> None:
        """Begin a download."""
        ok = Ok(id=request.id, seq=seq, room=room, offset=request.offset, file=file)
        if self.session is not None:
            self._files().download(self.session, request, ok, file)

    def _files(self) -> Transfers:
        if self._transfers is None:
            self._transfers = self._desk.transfers(self)
        return self._transfers

    @property
    def at_ease(self) -> bool:
        """Return whether the connection is up and nothing else waits to be written: chat goes first."""
        return (
            self._state is State.LIVE
            and not self.reader.paused
            and not self.reader.lags
            and not held_back(self.transport)
        )

    @property
    def ready(self) -> bool:
        """Return whether the connection is up and its transport can take more."""
        return self._state is not State.CLOSING and not self.reader.paused

    # ---- bytes out ----------------------------------------------------------------------------------

    @property
    def bytes_out(self) -> int:
        """Return how many bytes were written."""
        return self._bytes_out + self.reader.volume

    def say(self, message: Message) -> None:
        """Write a message, unless the connection has ended."""
        self.write(codec.encode(message))

    def write(self, data: bytes) -> None:
        """Write bytes of the wire, unless the connection has ended."""
        if self._state is State.CLOSING:
            return
        self._bytes_out += len(data)
        self._liveness.heartbeat.said(self._desk.clock.seconds())
        self.transport.write(data)

    def _rest(self, data: bytes) -> None:
        self.transport.write(data)

    def _hand(self, data: bytes) -> None:
        self._bytes_out += len(data)
        self.transport.write(data)

    # ---- the end ------------------------------------------------------------------------------------

    def close(self, reason: CloseReason, text: str = "", retry_after: float | None = None) -> None:
        """End the connection with a goodbye; what the peer does not take in time is dropped."""
        self._end(reason, Goodbye(reason=reason, text=text, retry_after=retry_after))

    def _fail(self, error: ChatdError, reason: CloseReason = CloseReason.BAD_INPUT) -> None:
        if self._state is State.CLOSING:
            return
        self._desk.refused(self, error)
        self._end(reason, last_words(error))

    def _end(self, reason: CloseReason, farewell: Message) -> None:
        if self._state is State.CLOSING:
            return
        try:
            self.say(farewell)
        except Exception:  # noqa: BLE001 - what cannot be written to gets no last words
            self.abort(reason)
            return
        self._leave(reason)
        if not self._try(hang_up, self.transport, reason):
            self._try(self.transport.abortConnection)

    def _leave(self, reason: CloseReason) -> None:
        if self._state is State.CLOSING:
            return
        self._state = State.CLOSING
        self._gate.hold(Hold.END)
        self._liveness.ending(self._desk.clock.seconds())
        self.close_reason = reason
        self._desk.visits.remove(self)
        if self._transfers is not None:
            self._try(self._transfers.close, reason)
        self._try(self._desk.leave, self)

    def _try(self, step: Callable[..., object], *arguments: object) -> bool:
        """Do one step of leaving; what it raises is logged, and keeps no other step from being done."""
        try:
            step(*arguments)
        except Exception:  # noqa: BLE001 - whatever happens, the session and the transport are let go
            log.failure("connection-fault", None, peer=self.address)
            return False
        return True

    # ---- the reaper's side --------------------------------------------------------------------------

    @property
    def due(self) -> float:
        """Return the monotonic second before which a look would find nothing to do."""
        return self._liveness.due

    def sweep(self, now: float) -> None:
        """Look at the clock: ping, end or abort what has to be."""
        self._SWEEPS[self._state](self, now)

    def forgive(self, now: float) -> None:
        """Begin every count anew: the daemon was not listening."""
        self._liveness.forgive(now)

    def _sweep_opening(self, now: float) -> None:
        if self._liveness.waited(now) >= self._desk.limits.hello_timeout:
            missing = "hello" if self._asked is None else "answer to the ping behind the hello"
            error = ProtocolError(Code.HELLO_TIMEOUT, f"No {missing} came in time; connect again.")
            self._fail(error, CloseReason.HELLO_TIMEOUT)

    def _sweep_live(self, now: float) -> None:
        if self.reader.paused:
            if self._liveness.stuck(self._traffic(), now, self._desk.limits.write_timeout):
                self._reap(CloseReason.STUCK, now)
            return
        verdict = self._liveness.check(self._traffic, now)
        if verdict is Verdict.PING:
            self.say(Ping())
        elif verdict is Verdict.DEAD:
            self._reap(CloseReason.SILENT, now)

    def _sweep_closing(self, now: float) -> None:
        if self._liveness.waited(now) >= CLOSE_DEADLINE:
            self.transport.abortConnection()

    def _traffic(self) -> Traffic:
        waiting = unsent(self.transport)
        return Traffic(waiting, self.bytes_out - waiting, arrived(self.transport))

    def _reap(self, reason: CloseReason, now: float) -> None:
        self._desk.reaped(self, self._liveness.heartbeat.silence(now))
        self.abort(reason)

    def abort(self, reason: CloseReason) -> None:
        """End the connection at once: the peer takes nothing any more."""
        self._leave(reason)
        self.transport.abortConnection()

    _FRAMES: ClassVar[dict[FrameType, Callable[["ChatProtocol", bytes], None]]] = {
        FrameType.MESSAGE: _message,
        FrameType.CHUNK: _chunk,
        FrameType.PING: _ping,
        FrameType.PONG: _pong,
    }
    _MESSAGES: ClassVar[dict[tuple[State, type], Callable[["ChatProtocol", Any, int], None]]] = {
        (State.OPENED, Hello): _hello,
        (State.OPENED, Goodbye): _goodbye,
        (State.LIVE, Hello): _second_hello,
        (State.LIVE, Goodbye): _goodbye,
        (State.LIVE, Progress): _progress,
        (State.LIVE, Cancel): _cancel,
    }
    _SWEEPS: ClassVar[dict[State, Callable[["ChatProtocol", float], None]]] = {
        State.OPENED: _sweep_opening,
        State.WELCOMING: _sweep_opening,
        State.LIVE: _sweep_live,
        State.CLOSING: _sweep_closing,
    }
