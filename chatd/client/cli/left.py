"""chatc waiting: what waits for servers that are not served now, and what becomes of it."""

from functools import partial
from typing import Any

from twisted.internet.defer import DeferredList

from chatd.client.api import Client
from chatd.client.cli.other_session import has_queue, send_session
from chatd.client.cli.running import complain, run_client, watch_link
from chatd.client.cli.showing import counted
from chatd.client.cli.stdout import write_out
from chatd.client.cli.what_waits import left_lines
from chatd.client.core.notices import Accepted, Notice, SendRefused
from chatd.client.values import Options


def run(options: Options, *, send: bool, drop: bool) -> int:
    """List what waits; or send to the server at our address, or drop, what waits for the one before it.

    What waits in other sessions of ours is sent by these, or dropped.
    """
    out: list[bytes] = []
    main = _send if send else partial(_list, out, drop=drop)
    return run_client(options, main, lambda: write_out(b"".join(out)))


async def _list(out: list[bytes], _: Any, client: Client, *, drop: bool) -> int:
    if drop:
        client.earlier.drop()
    out += [f"{line}\n".encode() for line in left_lines(client.earlier.left())]
    return 0


async def _send(_: Any, client: Client) -> int:
    watch_link(client, verbose=False)
    refused: list[str] = []
    ended: set[int] = set()

    def heard(notice: Notice) -> None:
        if isinstance(notice, SendRefused):
            refused.append(notice.text)
            complain(f"{notice.room}: {notice.reason}: {notice.text}")
        if isinstance(notice, (Accepted, SendRefused)):
            ended.add(notice.key)

    client.subscribe(heard)
    client.start()
    await client.ready()
    taken = client.earlier.take_over()
    await DeferredList([*taken.sent, *taken.posted], consumeErrors=True)
    complain(f"{counted(len(taken.sent) - len(refused), 'message')} sent, {len(refused)} refused")
    for left in filter(has_queue, client.earlier.left()):
        complain(await send_session(client, left))
    return 1 if refused or any(map(has_queue, client.earlier.left())) else 0
