"""chatc tail: follow rooms, across reconnects and restarts, without gap or duplicate."""

from dataclasses import replace
from functools import partial
from typing import Any

from chatd.client.api import Client
from chatd.client.cli.printer import Printer
from chatd.client.cli.running import run_client, watch_link
from chatd.client.notices import EventSeen
from chatd.client.values import Options


def run(
    options: Options, rooms: tuple[str, ...], *, as_json: bool, since: int | None, count: int | None
) -> int:
    """Print events until ``count`` messages were, or for ever; return the exit status."""
    cursors = {} if since is None else dict.fromkeys(rooms, since)
    options = replace(options, rooms=rooms, follow="listed", cursors=cursors, remember=False)
    return run_client(options, partial(_tail, rooms=rooms, as_json=as_json, count=count))


async def _tail(
    reactor: Any, client: Client, *, rooms: tuple[str, ...], as_json: bool, count: int | None
) -> int:
    watch_link(client)
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
