"""chatc send: one message from the command line, or one per line of standard input."""

from dataclasses import replace
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError

from chatd.client.api import Client
from chatd.client.cli.flow import Flow
from chatd.client.cli.plain import plain
from chatd.client.cli.running import INTERRUPTED, complain, run_client, watch_link
from chatd.client.cli.stdout import STDIN
from chatd.client.core.notices import JoinRefused, Notice, Stopped
from chatd.client.core.problems import ClientError
from chatd.client.values import Options


def run(
    options: Options, room: str, text: str | None, *, timeout: float | None, verbose: bool, strip: bool
) -> int:
    """Send and return the exit status: 0 when everything is durable on the server."""
    if strip and text is not None:
        text = plain(text)
    rooms = (room,) if room.startswith("#") else ()
    options = replace(options, rooms=rooms, follow="listed", cursors={}, remember=False)
    return run_client(
        options, partial(_send, room=room, text=text, patience=timeout, verbose=verbose, strip=strip)
    )


async def _send(
    reactor: Any,
    client: Client,
    *,
    room: str,
    text: str | None,
    patience: float | None,
    verbose: bool,
    strip: bool,
) -> int:
    watch_link(client, verbose=verbose, every=verbose)
    flow = Flow(
        client,
        room,
        lambda which, why: complain(why if text is not None else f"{which}: {why}"),
        strip=strip,
    )
    client.subscribe(partial(_hear, flow))
    client.start()
    if text is None:
        flow.read(reactor, STDIN)
    else:
        flow.send(text, "the message")
        flow.complete()
    late = reactor.callLater(patience, flow.done.cancel) if patience is not None else None
    try:
        await flow.done
    except (CancelledError, ClientError) as error:
        timed_out = late is not None and not late.active()
        return _give_up(client, flow, error, f"within {patience:g} s" if timed_out else "")
    finally:
        if late is not None and late.active():
            late.cancel()
    if verbose:
        complain(f"{flow.accepted} sent, {flow.failed} refused")
    return 1 if flow.failed else 0


def _hear(flow: Flow, notice: Notice) -> None:
    if isinstance(notice, (JoinRefused, Stopped)) and not flow.done.called:
        flow.done.errback(ClientError(notice.code, notice.text))


def _give_up(client: Client, flow: Flow, error: Exception, late: str) -> int:
    flying = sum(waiting.in_flight for waiting in client.waiting())
    count = flow.withdraw()
    what = f"{count} of {count + flow.accepted + flow.failed} messages not acknowledged"
    doubt = f"; {flying} of them may have arrived" if flying else ""
    if isinstance(error, ClientError):
        complain(error.text)
        return 1
    if not late:
        complain(f"interrupted: {what}{doubt}")
        return INTERRUPTED
    reason = client.status().reason
    complain(f"{what} {late}{doubt}" + (f": {reason}" if reason else ""))
    return 1
