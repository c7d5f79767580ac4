"""The engine: the journal over JetStream, with its lease and its reading, for the reactor's thread."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from chatd.cluster.durability import check_durable
from chatd.cluster.jetstream import MOST_PARTS, JetStream, Options
from chatd.cluster.journal import JournalError, Outcome
from chatd.cluster.lease import Lease
from chatd.cluster.reading import Reading, Run
from chatd.cluster.settling import append
from chatd.cluster.side import Side

STOP_PATIENCE: Final = 5.0
"""Seconds that the farewell may take."""


class EngineListener(Protocol):
    """Hears of the engine; all in the reactor's thread."""

    def opened(self) -> None:
        """Hear that the stream is there."""

    def took(self, run: Run) -> None:
        """Take in messages; `Engine.go_on` is to follow."""

    def chosen(self, epoch: int) -> None:
        """Hear that this node has the lease."""

    def lost(self) -> None:
        """Hear that it has the lease no more."""

    def failed(self, error: Exception) -> None:
        """Hear that the engine cannot be used any more."""


class Engine:
    """The `Journal` of the node ``name``; ``call`` runs functions in the reactor's thread."""

    def __init__(
        self, options: Options, name: str, call: Callable[..., object], listener: EngineListener
    ) -> None:
        self._jetstream = JetStream(options)
        self._lease = Lease(self._jetstream, name)
        self._call = call
        self._listener = listener
        self._side = Side(call, listener.failed)
        self._limit = 0
        self._taken = asyncio.Event()
        self._holds = False

    # ---- for the reactor's thread ---------------------------------------------------------------------

    def open(self) -> None:
        """Connect, and make the stream if there is none; the listener hears of it."""
        self._side.do(self._open(), lambda _: self._listener.opened())

    @property
    def limit(self) -> int:
        """Return how many bytes a message may have."""
        return self._limit

    @property
    def leader(self) -> str:
        """Return the name of the node that leads as far as is known, or nothing."""
        return self._lease.leader

    def append(self, parts: Sequence[bytes], expected: int, done: Callable[[Outcome], None]) -> None:
        """Add ``parts`` behind position ``expected``: see `Journal`."""
        self._side.do(self._append(parts, expected), done)

    def read(self, after: int) -> None:
        """Have the listener take in what is behind position ``after``, for ever."""
        self._side.do(Reading(self._jetstream, after, self._take).run())

    def go_on(self) -> None:
        """Let the listener have the next messages."""
        self._side.soon(self._taken.set)

    def campaign(self) -> None:
        """Have the lease as soon as nobody else has it, and hold it; the listener hears of both."""
        self._side.do(self._campaign())

    def release(self) -> None:
        """Let another one have the lease at once; the listener hears that it is lost."""
        self._side.do(self._lease.release())

    def stop(self) -> bool:
        """Give up the lease and all work; return whether that was done in time."""
        return self._side.stop(self._part(), STOP_PATIENCE)

    # ---- in the side thread -----------------------------------------------------------------------------

    async def _open(self) -> None:
        jetstream = self._jetstream
        await jetstream.connect()
        await check_durable(jetstream.options.monitors)
        self._limit = jetstream.limit
        await jetstream.open_stream(jetstream.stream, jetstream.subject, allow_atomic=True, deny_delete=True)
        await self._lease.open()

    async def _append(self, parts: Sequence[bytes], expected: int) -> Outcome:
        if len(parts) > MOST_PARTS:
            return JournalError(f"A batch has {len(parts)} parts, and the stream takes {MOST_PARTS} at once.")
        try:
            return await append(self._jetstream, parts, expected)
        except JournalError as error:
            return error

    async def _take(self, run: Run) -> None:
        self._taken.clear()
        self._call(self._listener.took, run)
        await self._taken.wait()

    async def _campaign(self) -> None:
        epoch = await self._lease.campaign()
        self._holds = True
        self._call(self._listener.chosen, epoch)
        await self._lease.hold()
        self._holds = False
        self._call(self._listener.lost)

    async def _part(self) -> None:
        if self._holds:
            await self._lease.release()
        await self._jetstream.close()


def available() -> bool:
    """Return whether the extra ``cluster`` is installed."""
    from importlib.util import find_spec  # noqa: PLC0415 - asked once

    return find_spec("nats") is not None
