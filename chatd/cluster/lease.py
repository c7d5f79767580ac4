"""The lease: who leads, as long as the entry in the bucket is there, which ends by itself if not renewed.

It keeps two nodes from leading at once as a rule. What makes that harmless where it happens all the same is
the stream alone, which takes no record behind anything but what its leader has taken in.
"""

import asyncio
import secrets
from time import monotonic
from typing import Final, NamedTuple

from chatd.cluster.jetstream import BEHIND_IN_SUBJECT, JetStream, Message
from chatd.cluster.settling import TakenError, UnansweredError

RENEWALS: Final = 3
"""Renewals within the time after which a lease ends."""

MARGIN: Final = 5 / 6
"""The part of that time without a renewal after which a leader decides no more by its own clock."""

_DELETED: Final = "KV-Operation: DEL"


class Held(NamedTuple):
    """A lease in its ``epoch``, held since the monotonic second ``since``."""

    epoch: int
    since: float


class Lease:
    """The lease of the cluster, as the node ``name`` sees it; a bucket of JetStream, with one key.

    ``leader`` is the name of the node that holds it as far as is known, or nothing.
    """

    def __init__(self, jetstream: JetStream, name: str) -> None:
        self._jetstream = jetstream
        self._time = jetstream.options.lease
        bucket = f"{jetstream.options.name}-lease"
        self._stream = f"KV_{bucket}"
        self._bucket = f"$KV.{bucket}.>"
        self._subject = f"$KV.{bucket}.leader"
        self._name = name
        self._value = b""
        self._revision = 0
        self.leader = ""

    async def open(self) -> None:
        """Make the bucket, if there is none. Raises `JournalError` if there is another one."""
        await self._jetstream.open_stream(
            self._stream,
            self._bucket,
            max_age=round(self._time * 1e9),
            max_msgs_per_subject=1,
            duplicate_window=round(self._time * 1e9),
            discard="new",
            allow_rollup_hdrs=True,
            deny_delete=True,
        )

    async def campaign(self) -> Held:
        """Wait until nobody holds it, and take it; of several who try, one gets it."""
        self._value = f"{self._name} {secrets.token_hex(8)}".encode()
        while True:
            began = monotonic()
            try:
                found = await self._look()
                if found is not None and found.data == self._value:
                    self._revision = found.position  # the answer to the last attempt was lost
                    return Held(found.position, began)
                if found is None or _DELETED in found.headers:
                    self._revision = await self._put(0 if found is None else found.position)
                    self.leader = self._name
                    return Held(self._revision, began)
            except (TakenError, UnansweredError):
                pass
            await asyncio.sleep(self._time / RENEWALS / 4)

    async def hold(self, held: Held) -> None:
        """Renew it in time, and return once it is lost."""
        renewed = held.since
        while True:
            await asyncio.sleep(self._time / RENEWALS)
            began = monotonic()
            left = renewed + self._time * MARGIN - began
            if left <= 0:
                return
            try:
                await asyncio.wait_for(self._renew(), left)
            except TakenError:
                return
            except (UnansweredError, TimeoutError):
                continue
            renewed = began

    async def _renew(self) -> None:
        """Renew it. Raises `TakenError` if another one has it, or it has ended."""
        try:
            self._revision = await self._put(self._revision)
        except TakenError:
            found = await self._look()
            if found is None or found.data != self._value:
                raise
            self._revision = found.position  # a renewal whose answer was lost

    async def release(self) -> None:
        """Let another one have it at once."""
        try:
            headers = {BEHIND_IN_SUBJECT: str(self._revision), "KV-Operation": "DEL"}
            await self._jetstream.add(self._subject, b"", headers)
        except (TakenError, UnansweredError):
            pass  # it ends by itself

    async def _put(self, behind: int) -> int:
        return await self._jetstream.add(self._subject, self._value, {BEHIND_IN_SUBJECT: str(behind)})

    async def _look(self) -> Message | None:
        found = await self._jetstream.message(self._stream, last_by_subj=self._subject)
        gone = found is None or _DELETED in found.headers
        self.leader = "" if gone or found is None else found.data.decode().partition(" ")[0]
        return found
