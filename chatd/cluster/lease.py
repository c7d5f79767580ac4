"""The lease: who leads, as long as the entry in the bucket is there, which ends by itself if not renewed.

It keeps two nodes from leading at once as a rule. What makes that harmless where it happens all the same is
the stream alone, which takes no record behind anything but what its leader has taken in.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from chatd.cluster.jetstream import BEHIND_IN_SUBJECT, JetStream
from chatd.cluster.settling import TakenError, UnansweredError

RENEWALS: Final = 3
"""Renewals within the time after which a lease ends."""

_DELETED: Final = "KV-Operation: DEL"


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
        self._released = False
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

    async def campaign(self) -> int:
        """Wait until nobody holds it, and take it; of several who try, one gets it. Return the epoch."""
        self._value = f"{self._name} {secrets.token_hex(8)}".encode()
        self._released = False
        while True:
            if await self._try(self._take):
                return self._revision
            await asyncio.sleep(self._time / RENEWALS / 4)

    async def hold(self) -> None:
        """Renew it in time, and return once another one has it, or it was released.

        It is not given up because servers cannot be reached: nobody else can reach them then, or whoever can
        leads already, which the stream tells. If it ended meanwhile, it is taken again.
        """
        while not self._released:
            await asyncio.sleep(self._time / RENEWALS)
            if await self._try(self._renew) is False:
                return

    async def release(self) -> None:
        """Let another one have it at once."""
        self._released = True
        with suppress(TakenError, UnansweredError):  # it ends by itself
            headers = {BEHIND_IN_SUBJECT: str(self._revision), "KV-Operation": "DEL"}
            await self._jetstream.add(self._subject, b"", headers)

    async def _try(self, step: Callable[[], Awaitable[bool]]) -> bool | None:
        """Return what ``step`` returns, None if that is not known."""
        with suppress(TakenError, UnansweredError):
            return await step()
        return None

    async def _renew(self) -> bool:
        try:
            self._revision = await self._put(self._revision)
        except TakenError:
            return await self._take()
        return True

    async def _take(self) -> bool:
        """Take it, and return whether this node holds it; False if another one does."""
        found = await self._jetstream.message(self._stream, last_by_subj=self._subject)
        if found is None or _DELETED in found.headers:
            self._revision = await self._put(0 if found is None else found.position)
            self.leader = self._name
            return True
        self.leader = found.data.decode().partition(" ")[0]
        if found.data != self._value:
            return False
        self._revision = found.position  # the answer to an attempt of this node's was lost
        return True

    async def _put(self, behind: int) -> int:
        return await self._jetstream.add(self._subject, self._value, {BEHIND_IN_SUBJECT: str(behind)})
