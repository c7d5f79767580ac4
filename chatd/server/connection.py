"""A connection, as everybody but Twisted knows it: what is asked and told over it, and how it ends."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

from chatd.chat.codec import Codec
from chatd.chat.log import Log as ChatLog
from chatd.chat.queries import HistoryQuery, Look, Search
from chatd.chat.state import Session
from chatd.ops.log import Log
from chatd.server import ending, watch
from chatd.server.dialogue import Handler
from chatd.server.ending import last_words
from chatd.server.files.transfers import Chunking, Transfers
from chatd.server.fingerprint import fingerprint_of, version_of
from chatd.server.gate import Hold
from chatd.server.input import Input, Pieces
from chatd.server.listener_rules import Listening
from chatd.server.liveness import Liveness
from chatd.server.lookups import found, looked, paged, searched
from chatd.server.output import Output
from chatd.server.paths import Course
from chatd.server.record import Record
from chatd.server.server import Server
from chatd.server.states import State
from chatd.tcp import held_back
from chatd.wire.errors import ChatdError, CloseReason, Code
from chatd.wire.heartbeat import Heartbeat
from chatd.wire.messages import Download, Edit, File, Goodbye, Message, Ok, Remove, Request, Upload

log = Log(__name__)

SOON: Final = 0.5
"""Seconds within which the reaper looks at whoever has given it a reason to."""


class Spoken(Pieces, Protocol):
    """What speaks for a connection: its kind, with the pieces that were received."""

    @property
    def speaks(self) -> str:
        """Return the name of its kind."""

    @property
    def codec(self) -> Codec:
        """Return what makes bytes of messages and events."""

    @property
    def takes_files(self) -> bool:
        """Return whether the bytes of files can be moved over it."""

    @property
    def chunk(self) -> Chunking:
        """Return what makes a chunk of a file, if any are moved."""

    @property
    def decode_all(self) -> Callable[[list[bytes]], Iterable[object]]:
        """Return what makes messages of texts."""

    @property
    def MESSAGES(self) -> Mapping[tuple[State, type], Handler]:
        """Return the handler of each message, by state."""


class ChatConnection:
    """One connection; the hub knows it as a `chatd.chat.state.Peer`.

    ``protocol`` is Twisted's side of it, of some kind. ``input`` decides when a further piece is taken,
    ``output`` is where messages go; ``liveness`` is what the reaper judges the connection by.
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
        "protocol",
        "reader",
        "record",
        "relay",
        "server",
        "session",
        "speaks",
        "state",
        "takes_files",
        "transfers",
        "transport",
    )

    transport: Any

    def __init__(self, server: Server, listener: Listening, protocol: Spoken) -> None:
        now = server.clock.seconds()
        self.server = server
        self.listener = listener
        self.protocol = protocol
        self.speaks = protocol.speaks
        self.takes_files = protocol.takes_files
        self.state = State.OPENED
        self.liveness = Liveness(Heartbeat(server.pulse.interval, server.pulse.misses, now), now)
        self.input = Input(self, protocol, server)
        self.output = Output(self, protocol.codec)
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
    def chunk(self) -> Chunking:
        """Return what makes the bytes of a chunk: of a transfer, an offset and bytes of a file."""
        return self.protocol.chunk

    @property
    def reads_only(self) -> bool:
        """Return whether it is a guest's, where guests only read."""
        guests, session = self.listener.rules.guests, self.session
        return guests != "allowed" and session is not None and session.user.account is None

    # ---- the hub's side: chatd.chat.state.Peer ------------------------------------------------------

    def reply(self, messages: Sequence[Message], answered: int) -> None:
        """Write messages that answer ``answered`` requests. Further requests are taken at the next visit."""
        self.answered += answered
        self.input.gate.settle(answered)
        if messages:
            self.output.write(self.output.codec.encode_all(messages))
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
        self.server.reads.page(query, partial(paged, self, query))

    def look(self, query: Look) -> None:
        """Answer with events, and what became of them, once they were read. Nothing else is taken before."""
        self.input.gate.hold(Hold.PAGE)
        self.server.reads.look(query, partial(looked, self, query))

    def search(self, search: Search) -> None:
        """Answer with what was found, once it was looked for. Nothing else is taken before."""
        user = 0 if self.session is None else self.session.user.id
        self.server.reads.admit_search(user)
        self.input.gate.hold(Hold.PAGE)
        self.server.reads.search(search, user, partial(searched, self, search))

    def find(self, request: Request, chat_log: ChatLog, seq: int) -> None:
        """Ask the hub again once the facts about event ``seq`` were read. Nothing else is taken before."""
        self.input.gate.hold(Hold.PAGE)
        user = 0 if self.session is None else self.session.user.id
        whole = isinstance(request, Remove | Edit)  # what its edits say goes with it, and whom they mention
        self.server.reads.facts(chat_log, seq, user, whole, partial(found, self, request))

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

    def let_go(self) -> None:
        """Hold nothing in a circle, so that all of it is freed at once, without the garbage collector."""
        self.protocol = _GONE
        self.input.let_go()
        self.output.let_go()
        if self.transfers is not None:
            self.transfers.let_go()

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

    @due.setter
    def due(self, due: float) -> None:
        self.liveness.due = due

    def hasten(self, now: float) -> None:
        """Have the reaper look soon, unless it will."""
        self.liveness.hasty = True
        if self.liveness.due > now + SOON and self.state is not State.CLOSING:
            self.server.agenda.plan(self, now)

    def sweep(self, now: float) -> None:
        """Look at the clock and ping, end or abort if that is due."""
        watch.look(self, now)

    def forgive(self, now: float) -> None:
        """Begin every count anew: the daemon was not listening."""
        self.liveness.forgive(now)


_GONE: Any = None
"""What is left of the protocol of a connection that is gone."""
