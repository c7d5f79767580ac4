"""``tail``: the structured log, across its rotation and the daemon's restarts, without a gap or a repeat."""

from typing import Any, Final

import msgspec
from twisted.internet.task import deferLater

from chatd.control.context import Context
from chatd.control.live import look
from chatd.control.messages import AskTail, RefusedError
from chatd.control.past import Lines
from chatd.control.rows import LogLine
from chatd.control.stream import Stream
from chatd.control.where import conditions
from chatd.ops.fields import FIELDS

PAUSE: Final = 0.5
"""Seconds between two looks whether there is more."""

KEYS: Final = ("event", "level", "text", *FIELDS)
"""What conditions may speak of."""

AHEAD: Final = (
    "The cursor {} is ahead of the log, whose last line has {}: it was begun anew, or is that of another"
    " daemon. Begin again with --since 0."
)

_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


async def tail(context: Context, stream: Stream, asked: AskTail) -> None:
    """Hand out lines of the log from a cursor on."""
    wanted = conditions(asked.where, KEYS, lambda line, key: line.get(key))
    if asked.level:
        await look(context, stream, asked, wanted)
    after = asked.since
    while True:
        page: Lines = await stream.until(context.past.lines(after))
        if after > page.last and not asked.follow:
            raise RefusedError("no-such-cursor", AHEAD.format(after, page.last))
        missing = page.first - 1 if 0 <= after < page.first - 1 else 0
        for cursor, text in page.lines:
            line = _decode(text)
            if all(condition(line) for condition in wanted):
                stream.add(LogLine(cursor=cursor, line=line, missing=missing))
                missing = 0
        after = page.lines[-1][0] if page.lines else page.last if after <= page.last else 0  # begun anew
        await stream.turn()
        if after >= page.last:
            if not asked.follow:
                return
            await deferLater(context.clock, PAUSE)
