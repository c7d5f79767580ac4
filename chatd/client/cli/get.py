"""chatc get: a file that was posted is brought here, and its path told."""

import os
from dataclasses import replace
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError

from chatd.client.api import Client
from chatd.client.cli.running import INTERRUPTED, run_client
from chatd.client.cli.stdout import write_out
from chatd.client.cli.watching import Watched
from chatd.client.cli.which import Which
from chatd.client.values import Options


def run(options: Options, room: str, which: Which, output: str, *, force: bool, as_json: bool) -> int:
    """Get the file ``which`` of ``room`` into the file or folder ``output``; return the exit status."""
    options = replace(options, follow="listed", cursors={}, remember=False)
    getting = partial(_get, room=room, which=which, output=output, force=force, as_json=as_json)
    return run_client(options, getting)


async def _get(
    reactor: Any, client: Client, *, room: str, which: Which, output: str, force: bool, as_json: bool
) -> int:
    watched = Watched(reactor, client, as_json=as_json)
    client.start()
    try:
        getting = client.files.get(room, which.seq, which.file, output, force=force)
        path = await watched.wait(getting)
    except CancelledError:
        watched.say("interrupted; the same command goes on where this one was")
        return INTERRUPTED
    finally:
        watched.close()
    await watched.drained()
    return 0 if as_json else write_out(os.fsencode(path) + b"\n")
