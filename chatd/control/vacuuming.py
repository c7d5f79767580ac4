"""``vacuum``: the database gives back what is free in it while it serves, and tells how far it is."""

from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from chatd.chat.storage import Space, StoreError
from chatd.control.context import Context
from chatd.control.messages import AskVacuum, RefusedError
from chatd.control.rows import SpaceRow
from chatd.control.stream import Stream

LOOK: Final = 1.0
"""Seconds between two rows, and how long the disk is given for one: where it hangs nothing is told."""

STEP: Final = 0.05
"""Seconds between two looks whether it is done."""


async def vacuum(context: Context, stream: Stream, _: AskVacuum) -> None:
    """Hand out a row now and then until all is given back. It goes on where nobody waits for it any more."""
    store, clock = context.server.store, context.clock
    heard: list[Space | StoreError] = []
    before = await _space(context)
    store.vacuum(heard.append)
    told = clock.seconds()
    while not heard:
        await deferLater(clock, STEP)
        if clock.seconds() - told >= LOOK:
            told = clock.seconds()
            now = await _space(context)
            if now is not None:
                stream.add(progress(before, now))
            await stream.turn()
    (after,) = heard
    if isinstance(after, StoreError):
        raise RefusedError("cannot-shrink", str(after))
    stream.add(progress(before, after))


def progress(before: Space | None, now: Space) -> SpaceRow:
    """Return the row that tells what was given back since ``before``."""
    freed = 0 if before is None else max(0, before.size - now.size)
    return SpaceRow(size=now.size, free=now.free, freed=freed)


async def _space(context: Context) -> Space | None:
    asked: Deferred[Space | StoreError | None] = Deferred()
    asked.addTimeout(LOOK, context.clock, lambda *_: None)
    context.server.store.space(asked.callback)
    found = await asked
    return found if isinstance(found, Space) else None
