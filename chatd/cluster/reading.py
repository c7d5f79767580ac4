"""Reading: the messages of the stream in order, from some position on, for as long as anybody wants them."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from chatd.cluster.jetstream import PAUSE, JetStream
from chatd.cluster.journal import JournalError, LostError
from chatd.cluster.settling import DOUBTS, UnansweredError

BEAT: Final = 0.5
"""Seconds of silence after which the server shows that it is there."""

SILENCE: Final = 2.0
"""Seconds of silence after which another server is asked."""

AT_ONCE: Final = 256
"""Messages that are handed over at once."""

AT_ONCE_BYTES: Final = 4_194_304
"""Bytes that are handed over at once, about."""

Run = list[tuple[int, bytes]]
"""Messages with their positions."""


class Reading:
    """Reads the stream behind position ``after``.

    Runs of messages are handed to ``take``, each when the one before was taken. Whatever becomes of servers
    and connections, each message comes once, in order.
    """

    def __init__(self, jetstream: JetStream, after: int, take: Callable[[Run], Awaitable[None]]) -> None:
        self._jetstream = jetstream
        self._after = after
        self._take = take
        self._got: deque[Any] = deque()
        self._some = asyncio.Event()

    async def run(self) -> None:
        """Read for ever. Raises `JournalError` if the stream has not, or no longer, what comes next."""
        doubts = 0
        while doubts < DOUBTS:
            subscription = None
            try:
                doubts = 0 if await self._reaches() else doubts + 1
                subscription = None if doubts else await self._ask()
            except UnansweredError:
                pass
            if subscription is None:
                await asyncio.sleep(PAUSE)
                continue
            try:
                await self._hear_out()
            finally:
                await _end(subscription)
        raise LostError(
            f"The stream ends before message {self._after}, which this node has: its servers have lost"
            " records that they had acknowledged."
        )

    async def _reaches(self) -> bool:
        """Return whether the stream has the last message that this node has.

        Raises `JournalError` if the next one was removed from it.
        """
        answer = await self._jetstream.demand(f"STREAM.INFO.{self._jetstream.stream}")
        first, last = answer["state"]["first_seq"], answer["state"]["last_seq"]
        if first > self._after + 1 and last > self._after:
            raise JournalError(
                f"The stream begins with message {first}, and this node needs message {self._after + 1}; it"
                " was away for too long, and has to begin with a snapshot."
            )
        return bool(last >= self._after)

    async def _ask(self) -> Any:
        """Have messages sent from the next one on; return the subscription that they come by."""
        client = self._jetstream.client
        inbox = client.new_inbox()
        self._got.clear()
        self._some.clear()
        subscription = await client.subscribe(inbox, cb=self._hear)
        wanted = {
            "deliver_subject": inbox,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self._after + 1,
            "ack_policy": "none",
            "max_deliver": 1,
            "flow_control": True,
            "idle_heartbeat": round(BEAT * 1e9),
            "inactive_threshold": round(10 * SILENCE * 1e9),
            "mem_storage": True,
            "num_replicas": 1,
        }
        stream = self._jetstream.stream
        try:
            await self._jetstream.demand(f"CONSUMER.CREATE.{stream}", stream_name=stream, config=wanted)
        except BaseException:
            await _end(subscription)
            raise
        return subscription

    async def _hear(self, message: Any) -> None:
        self._got.append(message)
        self._some.set()

    async def _hear_out(self) -> None:
        """Hand over what comes, until nothing comes any more or something is missing."""
        while True:
            try:
                await asyncio.wait_for(self._some.wait(), SILENCE)
            except TimeoutError:
                return
            self._some.clear()
            while self._got:
                run, whole = await self._next_run()
                if run:
                    self._after = run[-1][0]
                    await self._take(run)
                if not whole:
                    return

    async def _next_run(self) -> tuple[Run, bool]:
        """Return the next messages, and False if one behind them is missing."""
        run: Run = []
        size = 0
        following = self._after + 1
        while self._got and len(run) < AT_ONCE and size < AT_ONCE_BYTES:
            message = self._got.popleft()
            if not message.reply.startswith("$JS.ACK."):
                await self._obey(message)
                continue
            position = message.metadata.sequence.stream
            if position < following:
                continue  # a server that did not know all of the stream yet has begun too early
            if position > following:
                return run, False
            following += 1
            size += len(message.data)
            run.append((position, message.data))
        return run, True

    async def _obey(self, message: Any) -> None:
        """Answer where the server waits for that before it sends more; all else are beats."""
        stalled = (message.headers or {}).get("Nats-Consumer-Stalled", "")
        for subject in (message.reply, stalled):
            if subject:
                await self._jetstream.client.publish(subject)


async def _end(subscription: Any) -> None:
    import nats  # noqa: PLC0415 - see `chatd.cluster.jetstream`

    with suppress(nats.errors.Error, OSError):  # the connection ended first
        await subscription.unsubscribe()
