"""Snapshots: copies of a node's database in the object store, with which nodes begin that were away too long.

A snapshot is named by the record that is the last one in it. Behind the oldest one that is kept, the stream
goes on without holes; what is before it is removed. All of this runs in the side thread.
"""

import asyncio
import os
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from chatd.cluster.jetstream import JetStream
from chatd.cluster.records import Place
from chatd.cluster.settling import UnansweredError

KEPT: Final = 3
"""Snapshots that are kept: a node that fetches one has time until two others were made."""

PATIENCE: Final = 30.0
"""Seconds that a snapshot may take, besides a second for each megabyte."""

BYTES_PER_SECOND: Final = 1_000_000
"""Bytes that come in a second at the least: whatever is slower has stopped."""

_DIGITS: Final = 20

Result = TypeVar("Result")


class Snapshots:
    """The snapshots of the cluster that ``jetstream`` is connected to."""

    def __init__(self, jetstream: JetStream) -> None:
        self._jetstream = jetstream
        self._store: Any = None

    async def open(self) -> None:
        """Make the object store, if there is none. Raises `UnansweredError`."""
        from nats.js.api import ObjectStoreConfig, StorageType  # noqa: PLC0415 - see `chatd.cluster.jetstream`

        options = self._jetstream.options
        config = ObjectStoreConfig(
            bucket=f"{options.name}-snapshots", replicas=options.replicas, storage=StorageType.FILE
        )
        context = self._jetstream.client.jetstream(timeout=PATIENCE)
        self._store = await _answered(context.create_object_store(config.bucket, config), PATIENCE)

    async def put(self, file: Path, place: Place) -> None:
        """Keep the copy ``file`` of a database that stands at ``place``. Raises `UnansweredError`.

        Of those before it, the last ones stay; the stream is removed as far as nobody needs it.
        """
        from nats.js.api import ObjectMeta  # noqa: PLC0415 - see above

        name = f"{place.number:0{_DIGITS}}"
        meta = ObjectMeta(name=name, description=place.text())
        with file.open("rb") as source:
            await _answered(self._store.put(name, source, meta), _patience(os.fstat(source.fileno()).st_size))
        places = await self.places()
        for old in places[:-KEPT]:
            await _answered(self._store.delete(f"{old.number:0{_DIGITS}}"), PATIENCE)
        first = places[-KEPT:][0].position + 1
        await self._jetstream.demand(f"STREAM.PURGE.{self._jetstream.stream}", seq=first)

    async def places(self) -> list[Place]:
        """Return where the snapshots stand that are kept, the newest last. Raises `UnansweredError`."""
        from nats.js.errors import NotFoundError  # noqa: PLC0415 - see above

        with suppress(NotFoundError):
            found = await _answered(self._store.list(ignore_deletes=True), PATIENCE)
            return sorted(Place.of(info.description) for info in found if not info.deleted)
        return []

    async def fetch(self, place: Place, target: Path) -> None:
        """Write the snapshot that stands at ``place`` to ``target``, as a whole or not at all.

        Raises `UnansweredError`, also if its bytes are not those that were kept.
        """
        name = f"{place.number:0{_DIGITS}}"
        info = await _answered(self._store.get_info(name), PATIENCE)
        part = target.with_name(f"{target.name}.part")
        with part.open("wb") as into:
            part.chmod(0o600)
            await _answered(self._store.get(name, writeinto=into), _patience(info.size))
            into.flush()
            os.fsync(into.fileno())
        if part.stat().st_size != info.size:
            raise UnansweredError(f"The snapshot of record {place.number} came in part.")
        part.replace(target)


def _patience(size: int) -> float:
    return PATIENCE + size / BYTES_PER_SECOND


async def _answered(call: Coroutine[Any, Any, Result], patience: float) -> Result:
    """Return what ``call`` returns within ``patience`` seconds. Raises `UnansweredError`, or "not found"."""
    from nats.errors import Error  # noqa: PLC0415 - see above
    from nats.js.errors import NotFoundError  # noqa: PLC0415 - see above

    try:
        return await asyncio.wait_for(call, patience)
    except NotFoundError:
        raise
    except (Error, TimeoutError, OSError) as error:
        raise UnansweredError(str(error) or type(error).__name__) from None
