"""Transfers: files on their way in both directions, over the links that come and go.

No I/O, no clock: what comes on the link, what was done with the files, and the time go in; frames to be
written and errands to be done with the files come out. A transfer is agreed on anew on every link; what was
stored on the other side's disk, or on ours, is where it goes on.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from chatd.client.core.backoff import Later
from chatd.client.core.effects import Effect, Errand, Over, Staged
from chatd.client.core.receiving import Receiving
from chatd.client.core.sending import Sending
from chatd.client.core.stages import Stage
from chatd.client.core.steps import (
    Drop,
    Failed,
    Fetched,
    Finished,
    Found,
    Kept,
    ReceiveFile,
    SendFile,
    Settled,
    Step,
)
from chatd.files.outgoing import Turns
from chatd.wire import messages as m
from chatd.wire.codec import encode
from chatd.wire.errors import Code
from chatd.wire.frames import chunk

AGAIN: Final = 1.0
"""Seconds before a transfer is asked for again that the server could not take, unless it says otherwise."""

BURST: Final = 131_072
"""Bytes of chunks that are written at once; then it is looked at what else wants to be written."""

_LATER: Final = frozenset({Code.TOO_MANY_TRANSFERS, Code.STORAGE_UNAVAILABLE})
"""Refusals after which a transfer is asked for again."""

NO_FILES: Final = "This server takes no files."

CHANGED: Final = (
    "There is another file under that number now, because an older copy was restored on the server; look for"
    " it in the history."
)

Moving = Sending | Receiving


class Transfers:
    """All transfers; ``number`` hands out the ids of requests, ``emit`` takes the errands, in order.

    ``later`` makes the waits. ``frames`` are to be written. While these and ``all`` are empty, nothing is
    to be done.
    """

    def __init__(self, number: Callable[[], int], emit: Callable[[Effect], None], later: Later) -> None:
        self.all: dict[int, Moving] = {}
        self._request_id = number
        self._emit = emit
        self._later = later
        self._numbers = 0
        self._limits: m.Limits | None = None
        self._turns = Turns()
        self._chunk_at = 0.0
        self.frames: list[bytes] = []

    # ---- the program ----------------------------------------------------------------------------------

    def step(self, step: Step) -> None:
        """Begin or end a transfer, or take in what became of an errand."""
        _STEPS[type(step)](self, step)

    def _send(self, step: SendFile) -> None:
        self.all[step.key] = Sending(step.key, step.file)

    def _receive(self, step: ReceiveFile) -> None:
        self.all[step.key] = Receiving(step.key, step.room, step.seq, step.prefix)

    def _drop(self, step: Drop) -> None:
        moving = self.all.pop(step.key, None)
        if moving is None:
            return
        if moving.number:
            self.frames.append(encode(m.Cancel(transfer=moving.number)))
        if isinstance(moving, Sending) and (outgoing := moving.broken_off()) is not None:
            self._turns.remove(outgoing)

    # ---- the link -------------------------------------------------------------------------------------

    def linked(self, limits: m.Limits) -> None:
        """Note that there is a link whose server has these limits."""
        self._limits = limits
        self._turns = Turns()
        if not limits.file:
            for key in list(self.all):
                self._end(key, Code.UNSUPPORTED, NO_FILES)

    def unlinked(self) -> None:
        """Note that the link is gone, and with it what was agreed on and is under way.

        What was refused for a while is not asked for sooner on the next link.
        """
        self._limits = None
        self.frames.clear()
        self._turns = Turns()
        for moving in self.all.values():
            self._break_off(moving)
            self._stage(moving)

    def answered(self, request: int, answer: m.Ok | m.Error, now: float) -> None:
        """Take in the answer to ``request``, if it is one of ours."""
        moving = self._find(lambda one: one.request == request)
        if moving is None or not request:
            return
        moving.request = 0
        moving.reason = ""
        if isinstance(answer, m.Error):
            self._refused(moving, answer.code, answer.text, answer.retry_after, now)
        else:
            self._accepted(moving, answer)

    def progress(self, progress: m.Progress, now: float) -> None:
        """Take in what the server has of what we send."""
        self._turns.progress(progress, now)
        moving = self._numbered(progress.transfer)
        if moving is not None:
            self._see(moving)

    def cancelled(self, cancel: m.Cancel, now: float) -> None:
        """Take in that the server has ended a transfer."""
        moving = self._numbered(cancel.transfer)
        if moving is not None and not moving.verifying:
            self._refused(moving, cancel.code, cancel.text, None, now)

    def chunk(self, transfer: int, offset: int, data: memoryview) -> None:
        """Take in a part of a file; one that is wanted no more may still have been on its way."""
        moving = self._numbered(transfer)
        if isinstance(moving, Receiving):
            moving.take(offset, data)
            self._emit_all(moving.errands())

    # ---- the files ------------------------------------------------------------------------------------

    def _fetched(self, step: Fetched) -> None:
        moving = self.all.get(step.key)
        if isinstance(moving, Sending):
            moving.fetched(step.run, step.data)

    def _found(self, step: Found) -> None:
        moving = self.all.get(step.key)
        if not isinstance(moving, Receiving):
            return
        if moving.found(step.stored) and moving.number:
            self.frames.append(encode(m.Cancel(transfer=moving.number)))
            moving.forget_link()
        self._emit_all(moving.errands())
        self._see(moving)

    def _kept(self, step: Kept) -> None:
        moving = self.all.get(step.key)
        if isinstance(moving, Receiving):
            moving.kept(step.written, step.stored)
            self._emit_all(moving.errands())
            self._see(moving)

    def _settled(self, step: Settled) -> None:
        moving = self.all.get(step.key)
        if isinstance(moving, Receiving):
            moving.settled(step.stored)
            self._emit_all(moving.errands())
            self._see(moving)

    def _finished(self, step: Finished) -> None:
        moving = self.all.get(step.key)
        if isinstance(moving, Receiving):
            progress = moving.finished()
            if progress is not None:
                self.frames.append(encode(progress))
            self._end(step.key)

    def _failed(self, step: Failed) -> None:
        if step.key in self.all:
            self._drop(Drop(step.key))
            self._emit(Over(step.key, step.code, step.text))

    # ---- what goes out --------------------------------------------------------------------------------

    def due(self) -> list[float]:
        """Return the times at which there may be something to write, if nothing happens before."""
        times = [one.retry_at for one in self.all.values() if one.retry_at]
        return [*times, self._chunk_at] if self._chunk_at else times

    def told(self) -> bytes:
        """Return what the server is to be told now: small frames, which it does not answer."""
        for moving in self.all.values():
            if isinstance(moving, Receiving) and (progress := moving.progress()) is not None:
                self.frames.append(encode(progress))
        out, self.frames = self.frames, []
        return b"".join(out)

    def asked(self, now: float, *, held: bool = False) -> bytes:
        """Return what the server is to be asked now; nothing while ``held``."""
        for moving in self.all.values():
            moving.retry_at = moving.retry_at if moving.retry_at > now else 0.0
        if held:
            return b""
        return b"".join([self._ask(moving) for moving in self.all.values() if self._may_ask(moving)])

    def chunks(self, now: float) -> list[bytes]:
        """Return the chunks that may be written now, each transfer's in turn."""
        frames: list[bytes] = []
        written = 0
        while written < BURST and (turn := self._turns.next(now)) is not None:
            outgoing, offset, data = turn
            frames.append(chunk(outgoing.transfer, offset, data))
            written += len(data)
        self._read_ahead()
        wait = self._turns.wait(now)
        self._chunk_at = now + wait if wait else 0.0
        return frames

    @property
    def agreed(self) -> int:
        """Return how many transfers are asked for, or under way, on the present link."""
        return sum(bool(one.number) for one in self.all.values())

    @property
    def budget(self) -> int:
        """Return how many bytes of ours may be under way on the present link; 0 while none are to be sent."""
        return int(self._turns.pace.budget) if self._turns.transfers else 0

    # ---- inside ---------------------------------------------------------------------------------------

    def _read_ahead(self) -> None:
        for moving in self.all.values():
            if isinstance(moving, Sending) and (errand := moving.fetch(self._turns.pace.budget)):
                self._emit(errand)

    def _may_ask(self, moving: Moving) -> bool:
        idle = not moving.number and not moving.retry_at and moving.ready()
        return self._limits is not None and idle and self.agreed < max(1, self._limits.transfers)

    def _ask(self, moving: Moving) -> bytes:
        self._numbers += 1
        request = moving.ask(self._request_id(), self._numbers)
        self._stage(moving)
        return encode(request)

    def _accepted(self, moving: Moving, ok: m.Ok) -> None:
        window = self._limits.window if self._limits is not None else 0
        if isinstance(moving, Sending):
            self._turns.add(moving.accepted(ok, window))
        elif moving.differs(ok):
            self._failed(Failed(moving.key, "file-changed", CHANGED))
            return
        else:
            self._emit_all(moving.accepted(ok, window))
        self._see(moving)

    def _refused(self, moving: Moving, code: str, text: str, after: float | None, now: float) -> None:
        self._break_off(moving)
        if code in _LATER or after is not None:
            moving.reason = text
            moving.retry_at = now + self._later(AGAIN if after is None else after)
            self._stage(moving)
        else:
            self._end(moving.key, code, text)

    def _break_off(self, moving: Moving) -> None:
        if isinstance(moving, Receiving):
            self._emit_all(moving.broken_off())
        elif (outgoing := moving.broken_off()) is not None:
            self._turns.remove(outgoing)

    def _see(self, moving: Moving) -> None:
        """Note how far a transfer has come."""
        if isinstance(moving, Sending) and moving.complete:
            self._break_off(moving)
            self._end(moving.key)
        else:
            self._stage(moving)

    def _stage(self, moving: Moving) -> None:
        stage = self._stage_of(moving)
        if stage is not moving.stage or moving.reason:
            moving.stage = stage
            self._emit(Staged(moving.key))

    def _stage_of(self, moving: Moving) -> Stage:
        if moving.verifying:
            return Stage.VERIFYING
        if self._limits is None:
            return Stage.WAITING
        if not moving.number or moving.request:
            return Stage.OFFERING
        return Stage.SENDING if moving.sending else Stage.RECEIVING

    def _end(self, key: int, code: str = "", text: str = "") -> None:
        self.all.pop(key, None)
        self._emit(Over(key, code, text))

    def _emit_all(self, errands: Iterable[Errand]) -> None:
        for errand in errands:
            self._emit(errand)

    def _find(self, test: Callable[[Moving], bool]) -> Moving | None:
        return next((one for one in self.all.values() if test(one)), None)

    def _numbered(self, number: int) -> Moving | None:
        return self._find(lambda one: one.number == number)


_STEPS: Final[dict[type, Callable[[Transfers, Any], None]]] = {
    SendFile: Transfers._send,  # noqa: SLF001 - its own table
    ReceiveFile: Transfers._receive,  # noqa: SLF001
    Drop: Transfers._drop,  # noqa: SLF001
    Fetched: Transfers._fetched,  # noqa: SLF001
    Found: Transfers._found,  # noqa: SLF001
    Kept: Transfers._kept,  # noqa: SLF001
    Settled: Transfers._settled,  # noqa: SLF001
    Finished: Transfers._finished,  # noqa: SLF001
    Failed: Transfers._failed,  # noqa: SLF001
}
