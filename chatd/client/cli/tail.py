"""chatc tail: follow rooms, across reconnects and restarts, without gap or duplicate."""

import re
from dataclasses import replace
from functools import partial
from typing import Any, Final

from chatd.client.api import Client
from chatd.client.cli.printer import Printer
from chatd.client.cli.running import run_client, watch_link
from chatd.client.core.notices import EventSeen
from chatd.client.core.problems import ClientError
from chatd.client.values import Options
from chatd.wire.limits import MAX_INT

_CURSOR: Final = re.compile("([0-9]{1,16})(?::([0-9a-f]{8})(?::([0-9a-f]{8}))?)?")


def run(
    options: Options,
    rooms: tuple[str, ...],
    *,
    as_json: bool,
    since: str | None,
    count: int | None,
    verbose: bool,
) -> int:
    """Print events until ``count`` messages were, or for ever; return the exit status."""
    seq, check, time = (None, "", 0) if since is None else read_cursor(since)
    if check and len(rooms) > 1:
        raise ClientError("usage", f"--since {since} is an event of one room; name that one alone.")
    cursors = {} if seq is None else dict.fromkeys(rooms, seq)
    checks = dict.fromkeys(rooms, check) if check else {}
    times = dict.fromkeys(rooms, time) if time else {}
    options = replace(
        options,
        rooms=rooms,
        follow="listed",
        cursors=cursors,
        checks=checks,
        times=times,
        remember=False,
    )
    return run_client(options, partial(_tail, rooms=rooms, as_json=as_json, count=count, verbose=verbose))


def read_cursor(text: str) -> tuple[int, str, int]:
    """Return the number, the check and the time in seconds, "" and 0 without these, that ``text`` names.

    It is SEQ, SEQ:CHECK or SEQ:CHECK:TIME.

    Raises `ClientError` ``usage``.
    """
    found = _CURSOR.fullmatch(text)
    if found is None or int(found[1]) > MAX_INT:
        raise ClientError("usage", f"--since {text[:40]} is no event; write its number, or its cursor.")
    return int(found[1]), found[2] or "", int(found[3] or "0", 16)


async def _tail(
    reactor: Any, client: Client, *, rooms: tuple[str, ...], as_json: bool, count: int | None, verbose: bool
) -> int:
    watch_link(client, every=verbose)
    printer = Printer(reactor, client, rooms, as_json=as_json)
    if count is not None:
        printer.on_event = _Counter(printer, count).event
    client.start()
    status = await printer.ended
    await printer.drained()
    return status


class _Counter:
    """Ends the printing after so many messages."""

    def __init__(self, printer: Printer, left: int) -> None:
        self._printer = printer
        self._left = left

    def event(self, seen: EventSeen) -> None:
        self._left -= seen.event.kind in {"message", "file"}
        if not self._left:
            self._printer.end(0)
