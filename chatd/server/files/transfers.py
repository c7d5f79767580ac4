"""Transfers: the files on their way over one connection, in both directions (docs/PROTOCOL.md, "Files")."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final, Protocol, TypeVar

from twisted.internet.interfaces import IDelayedCall

from chatd.chat.state import Session
from chatd.files.outgoing import Turns
from chatd.ops.log import Log
from chatd.server.files.download import Departing
from chatd.server.files.library import Files
from chatd.server.files.transfer import DONE, Transfer
from chatd.server.files.upload import Arriving
from chatd.tcp import NOTSENT_LOWAT, allow_unsent
from chatd.wire.errors import Code, ProtocolError, RequestError
from chatd.wire.frames import chunk, split_chunk
from chatd.wire.limits import WINDOW
from chatd.wire.messages import Cancel, Download, Error, File, Message, Ok, Progress, Upload

log = Log(__name__)

T = TypeVar("T", bound=Transfer)

PAST: Final = 64
"""Transfers that have ended and are remembered: their chunks, or words about them, may be on their way."""

RETRY: Final = 0.02
"""Seconds after which a connection that could take nothing is asked again, where nothing else tells."""


class Carrier(Protocol):
    """The connection, as its transfers see it."""

    transport: Any

    @property
    def at_ease(self) -> bool:
        """Return whether it is up and nothing else waits to be written: chat goes first."""

    def say(self, message: Message) -> None:
        """Write a message, unless it has ended."""

    def write(self, data: bytes) -> None:
        """Write bytes of its wire, unless it has ended."""

    def reply(self, messages: Sequence[Message], answered: int) -> None:
        """Write messages that answer so many of its requests."""

    def fault(self) -> None:
        """End it because of the exception that is being handled, which concerns it alone (P8)."""


class Transfers:
    """The transfers of ``carrier``; an `chatd.server.files.transfer.Owner`."""

    def __init__(self, files: Files, carrier: Carrier) -> None:
        self._files = files
        self._carrier = carrier
        self._newest = 0
        self._arriving: dict[int, Arriving] = {}
        self._departing: dict[int, Departing] = {}
        self._past: OrderedDict[int, Transfer] = OrderedDict()
        self._turns = Turns()
        self._timer: IDelayedCall | None = None
        self._unsent = NOTSENT_LOWAT
        self._heard = self._closed = False

    # ---- requests -----------------------------------------------------------------------------------

    def upload(self, session: Session, request: Upload, held: bool) -> None:
        """Begin an upload, unless all of it is ``held``. Raises `RequestError` and `ProtocolError`."""
        self._number(request.transfer)
        if held:
            self.answer(Ok(id=request.id, offset=request.size))
            return
        self._check_count()
        self._begin(Arriving(self, self._files, session, request), self._arriving)

    def download(self, session: Session, request: Download, ok: Ok, file: File) -> None:
        """Begin a download of ``file``, to be answered with ``ok``. Raises as `upload` does."""
        self._number(request.transfer)
        self._check_count()
        self._begin(Departing(self, self._files, session, request, ok, file), self._departing)

    @staticmethod
    def _begin(transfer: T, under_way: dict[int, T]) -> None:
        under_way[transfer.number] = transfer
        try:
            transfer.begin()
        except RequestError:
            del under_way[transfer.number]
            raise

    def _number(self, number: int) -> None:
        if number <= self._newest:
            raise ProtocolError(
                Code.BAD_MESSAGE, f"Transfer {number} is not a new number: {self._newest} was there before."
            )
        self._newest = number

    def _check_count(self) -> None:
        most = self._files.config.per_connection
        if len(self._arriving) + len(self._departing) >= most:
            raise RequestError(
                Code.TOO_MANY_TRANSFERS, f"{most} transfers are under way; wait for one to end."
            )

    # ---- what the client says -----------------------------------------------------------------------

    def chunk(self, payload: bytes) -> None:
        """Take in a chunk. Raises `ProtocolError` ``bad-chunk``."""
        number, offset, data = split_chunk(payload)
        arriving = self._arriving.get(number)
        if arriving is not None and arriving.intake is not None:
            arriving.chunk(offset, data)
            return
        past = self._past.get(number)
        if past is None or not past.cut:
            raise ProtocolError(Code.BAD_CHUNK, f"No chunk of transfer {number} is expected.")

    def turn(self) -> None:
        """Have written what came in this turn, tell the client how far it has come, and send on."""
        for arriving in list(self._arriving.values()):
            arriving.turn()
        if self._heard:
            self._heard = False
            self.pump()

    def progress(self, progress: Progress) -> None:
        """Go on sending what the client is ready for. Raises `ProtocolError`."""
        number = progress.transfer
        departing = self._departing.get(number)
        if departing is None or not departing.ready:
            past = self._past.get(number)
            if isinstance(past, Departing) and progress.stored >= past.size:
                past.say_ended(DONE)
            return
        now = self._files.clock.seconds()
        departing.moved = now
        self._turns.progress(progress, now)
        if departing.outgoing.received == departing.size:
            departing.finish()
        self._heard = True

    def cancel(self, cancel: Cancel) -> None:
        """End a transfer because the client says so."""
        reason = cancel.code if cancel.code in _CODES else Code.CANCELLED
        number = cancel.transfer
        transfer = self._arriving.get(number) or self._departing.get(number) or self._past.get(number)
        if transfer is not None:
            transfer.cut = True
            transfer.close(reason)

    # ---- what is sent -------------------------------------------------------------------------------

    def pump(self) -> None:
        """Send chunks, in turns, as long as the pace allows and nothing else waits."""
        if self._closed:
            return
        for departing in self._departing.values():
            if departing.ready and departing.number not in self._turns.transfers:
                self._turns.add(departing.outgoing)
        clock = self._files.clock
        now = clock.seconds()
        while self._carrier.at_ease and (step := self._turns.next(now)) is not None:
            outgoing, offset, data = step
            self._carrier.write(chunk(outgoing.transfer, offset, data))
            now = clock.seconds()
        self._allow_unsent()
        for departing in list(self._departing.values()):
            departing.read_on(self._turns.pace.budget)
        self._look_again(now)

    def _allow_unsent(self) -> None:
        """Let the kernel take as much as may be under way, so that a fast link is fed in few calls."""
        budget = int(self._turns.pace.budget) if self._turns.transfers else 0
        wanted = max(NOTSENT_LOWAT, min(1 << budget.bit_length(), WINDOW))
        if wanted != self._unsent:
            self._unsent = wanted
            allow_unsent(self._carrier.transport, wanted)

    def _look_again(self, now: float) -> None:
        """See to it that sending goes on where no progress will tell."""
        if self._timer is not None:
            return
        wait = self._turns.wait(now)
        if not wait and self._turns.stuck:
            wait = RETRY
        if wait:
            self._timer = self._files.clock.callLater(wait, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self.pump()

    # ---- chatd.server.files.transfer.Owner ----------------------------------------------------------

    def answer(self, ok: Ok) -> None:
        """Answer the request that asked for a transfer."""
        self._carrier.reply([ok], 1)

    def refuse(self, request: int, error: RequestError) -> None:
        """Refuse the request that asked for a transfer."""
        self._carrier.reply([Error(id=request, code=error.code, text=error.text)], 1)

    def say(self, message: Message) -> None:
        """Tell the client something."""
        self._carrier.say(message)

    def fault(self) -> None:
        """End the connection because of the exception that is being handled."""
        self._carrier.fault()

    def forget(self, transfer: Transfer) -> None:
        """Count a transfer as one that has ended."""
        self._arriving.pop(transfer.number, None)
        departing = self._departing.pop(transfer.number, None)
        if departing is not None:
            self._turns.remove(departing.outgoing)
            self._allow_unsent()
        self._past[transfer.number] = transfer
        while len(self._past) > PAST:
            self._drop(self._past.popitem(last=False)[1])

    @staticmethod
    def _drop(past: Transfer) -> None:
        if isinstance(past, Departing):
            past.say_ended(_UNCONFIRMED)

    # ---- the end ------------------------------------------------------------------------------------

    def close(self, reason: str) -> None:
        """End all of them because the connection ends; what came is kept."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for transfer in (*self._arriving.values(), *self._departing.values()):
            try:
                transfer.close(reason)
            except Exception:  # noqa: BLE001 - the others and their connection end nevertheless
                log.failure("transfer-fault", None, transfer=transfer.number, session=transfer.session)
        while self._past:
            self._drop(self._past.popitem()[1])


_CODES: Final = frozenset(map(str, Code))

_UNCONFIRMED: Final = "unconfirmed"
"""The reason of a download of which the client received all, and never said that it is stored."""
