"""Transfers: files on their way in both directions, over the links that come and go.

No I/O, no clock: what comes on the link, what was done with the files, and the time go in; frames to be
written and errands to be done with the files come out. `chatd.client.core.agreements` agrees on each of them
with the server.
"""

from collections.abc import Callable
from typing import Any, Final

from chatd.client.core.agreements import Agreements, Moving
from chatd.client.core.backoff import Later
from chatd.client.core.output import Output
from chatd.client.core.receiving import Receiving
from chatd.client.core.sending import Sending
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
from chatd.wire import messages as m
from chatd.wire.frames import chunk
from chatd.wire.native import encode

BURST: Final = 131_072
"""Bytes of chunks that are written at once; then it is looked at what else wants to be written."""


class Transfers:
    """All transfers. While there are none, and no frames of their ``agreements``, nothing is to be done."""

    def __init__(self, number: Callable[[], int], out: Output, later: Later) -> None:
        self.all: dict[int, Moving] = {}
        self.agreements = Agreements(self.all, number, out, later)
        self._out = out
        self._chunk_at = 0.0
        self._steps: dict[type, Callable[[Any], None]] = {
            SendFile: self._send,
            ReceiveFile: self._receive,
            Drop: self._drop,
            Fetched: self._fetched,
            Found: self._found,
            Kept: self._kept,
            Settled: self._settled,
            Finished: self._finished,
            Failed: self._failed,
        }

    # ---- steps of the program, and of the files -------------------------------------------------------

    def step(self, step: Step) -> None:
        """Begin or end a transfer, or take in what became of an errand."""
        self._steps[type(step)](step)

    def _send(self, step: SendFile) -> None:
        self.all[step.key] = Sending(step.key, step.file)

    def _receive(self, step: ReceiveFile) -> None:
        self.all[step.key] = Receiving(step.key, step.room, step.seq, step.prefix)

    def _drop(self, step: Drop) -> None:
        self.agreements.drop(step.key)

    def _fetched(self, step: Fetched) -> None:
        moving = self.all.get(step.key)
        if isinstance(moving, Sending):
            moving.fetched(step.run, step.data)

    def _found(self, step: Found) -> None:
        moving = self.all.get(step.key)
        if isinstance(moving, Receiving):
            if moving.found(step.stored) and moving.number:
                self.agreements.ask_anew(moving)
            self._go_on(moving)

    def _kept(self, step: Kept) -> None:
        moving = self.all.get(step.key)
        if isinstance(moving, Receiving):
            moving.kept(step.written, step.stored)
            self._go_on(moving)

    def _settled(self, step: Settled) -> None:
        moving = self.all.get(step.key)
        if isinstance(moving, Receiving):
            moving.settled(step.stored)
            self._go_on(moving)

    def _go_on(self, moving: Receiving) -> None:
        self._out.add(*moving.errands())
        self.agreements.see(moving)

    def _finished(self, step: Finished) -> None:
        moving = self.all.get(step.key)
        if isinstance(moving, Receiving):
            progress = moving.finished()
            if progress is not None:
                self.agreements.frames.append(encode(progress))
            self.agreements.end(step.key)

    def _failed(self, step: Failed) -> None:
        self.agreements.fail(step.key, step.code, step.text)

    # ---- what comes on the link -----------------------------------------------------------------------

    def progress(self, progress: m.Progress, now: float) -> None:
        """Take in what the server has of what we send."""
        self.agreements.turns.progress(progress, now)
        moving = self.agreements.numbered(progress.transfer)
        if moving is not None:
            self.agreements.see(moving)

    def chunk(self, transfer: int, offset: int, data: memoryview) -> None:
        """Take in a part of a file; one that is wanted no more may still have been on its way."""
        moving = self.agreements.numbered(transfer)
        if isinstance(moving, Receiving):
            moving.take(offset, data)
            self._out.add(*moving.errands())

    # ---- what goes out --------------------------------------------------------------------------------

    def due(self) -> list[float]:
        """Return the times at which there may be something to write, if nothing happens before."""
        times = self.agreements.retries()
        return [*times, self._chunk_at] if self._chunk_at else times

    def told(self) -> bytes:
        """Return what the server is to be told now: small frames, which it does not answer."""
        frames = self.agreements.frames
        for moving in self.all.values():
            if isinstance(moving, Receiving) and (progress := moving.progress()) is not None:
                frames.append(encode(progress))
        told = b"".join(frames)
        frames.clear()
        return told

    def chunks(self, now: float) -> list[bytes]:
        """Return the chunks that may be written now, each transfer's in turn, and read ahead."""
        turns = self.agreements.turns
        frames: list[bytes] = []
        written = 0
        while written < BURST and (turn := turns.next(now)) is not None:
            outgoing, offset, data = turn
            frames.append(chunk(outgoing.transfer, offset, data))
            written += len(data)
        for moving in self.all.values():
            if isinstance(moving, Sending) and (errand := moving.fetch(turns.pace.budget)):
                self._out.add(errand)
        wait = turns.wait(now)
        self._chunk_at = now + wait if wait else 0.0
        return frames

    @property
    def budget(self) -> int:
        """Return how many bytes of ours may be under way on the present link; 0 while none are to be sent."""
        turns = self.agreements.turns
        return int(turns.pace.budget) if turns.transfers else 0
