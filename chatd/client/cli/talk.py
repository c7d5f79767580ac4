"""chatc talk: the pipe form of chatting; lines in are sent, messages of all rooms come out."""

from dataclasses import replace
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IDelayedCall

from chatd.client.api import Client
from chatd.client.cli.flow import Flow
from chatd.client.cli.printer import Printer
from chatd.client.cli.running import complain, run_client, watch_link
from chatd.client.cli.showing import counted
from chatd.client.cli.stdout import STDIN
from chatd.client.core.notices import Accepted, Connected, EventSeen, Notice, SendRefused
from chatd.client.values import Options


def run(options: Options, rooms: tuple[str, ...], *, as_json: bool, strip: bool, verbose: bool) -> int:
    """Talk until standard input ends, or a signal comes; return the exit status."""
    options = replace(options, rooms=rooms, follow="listed", remember=True)
    return run_client(options, partial(_talk, rooms=rooms, as_json=as_json, strip=strip, verbose=verbose))


async def _talk(
    reactor: Any, client: Client, *, rooms: tuple[str, ...], as_json: bool, strip: bool, verbose: bool
) -> int:
    watch_link(client, every=verbose)
    printer = Printer(reactor, client, rooms, as_json=as_json)
    flow = Flow(client, rooms[0], lambda which, why: complain(f"{which}: {why}"), strip=strip)
    talk = _Talk(reactor, client, printer, flow)
    client.start()
    flow.read(reactor, STDIN)
    try:
        status = await printer.ended
    except CancelledError:
        status = talk.interrupted()
    finally:
        flow.close()
    await printer.drained()
    return status


class _Talk:
    """Knows when everything that was said has come out as well."""

    def __init__(self, reactor: Any, client: Client, printer: Printer, flow: Flow) -> None:
        self._reactor = reactor
        self._looking: IDelayedCall | None = None
        self._client = client
        self._printer = printer
        self._flow = flow
        self._seen = (0, 0)
        self._answered = False
        self._connected = False
        printer.on_event = self._event
        client.subscribe(self._heard)
        flow.done.addCallback(self._all_answered)

    def interrupted(self) -> int:
        """Return the status of a talk that a signal ended; what waits is kept for the next one."""
        waiting = self._flow.waiting()
        if waiting:
            are, kept = ("is", "it is kept, and goes") if waiting == 1 else ("are", "they are kept, and go")
            complain(f"{counted(waiting, 'message')} {are} not sent yet; {kept} out the next time")
        return 1 if waiting or self._flow.failed else 0

    def _event(self, seen: EventSeen) -> None:
        if seen.own:
            self._seen = max(self._seen, (seen.event.session, seen.event.n))
        self._check()

    def _heard(self, notice: Notice) -> None:
        """Look again when something an earlier talk left may have been answered."""
        self._connected = self._connected or isinstance(notice, Connected)
        if isinstance(notice, (Connected, Accepted, SendRefused)):
            self._check()

    def _all_answered(self, _: None) -> None:
        self._answered = True
        self._check()

    def _check(self) -> None:
        """Look in the next turn: what came in this one is known to the client before it is told here."""
        if self._looking is None:
            self._looking = self._reactor.callLater(0, self._look)

    def _look(self) -> None:
        self._looking = None
        if self._answered and self._connected and self._all_said() and self._all_heard():
            self._printer.end(1 if self._flow.failed else 0)

    def _all_said(self) -> bool:
        """Return whether all of ours, an earlier talk's too, is durable, and the last of it was shown."""
        last = self._flow.last
        shown = last is None or self._seen >= (self._client.session, last.n)
        return shown and not self._client.waiting()

    def _all_heard(self) -> bool:
        """Return whether everything was shown that was there when we came."""
        return all(room.cursor >= room.head for room in self._client.followed())
