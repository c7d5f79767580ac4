"""chatc put: files of ours are brought to the server, and posted one after the other."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import CancelledError

from chatd.client.api import Client
from chatd.client.cli.running import INTERRUPTED, run_client
from chatd.client.cli.watching import Watched
from chatd.client.core.problems import ClientError
from chatd.client.values import Options
from chatd.wire.errors import RequestError

_OF_ONE_FILE: Final = frozenset({"bad-source", "source-changed"})
"""What is wrong with one file and says nothing about the next."""


def run(options: Options, room: str, files: Sequence[str], caption: str, *, as_json: bool) -> int:
    """Post ``files`` in ``room``, with ``caption`` at the first; return 0 when all of them are posted."""
    if "-" in files:
        raise ClientError(
            "usage", "Standard input is read only once, a file twice: save it first, with cat > FILE."
        )
    rooms = (room,) if room.startswith("#") else ()
    options = replace(options, rooms=rooms, follow="listed", cursors={}, remember=False)
    return run_client(options, partial(_put, room=room, files=files, caption=caption, as_json=as_json))


async def _put(
    reactor: Any, client: Client, *, room: str, files: Sequence[str], caption: str, as_json: bool
) -> int:
    watched = Watched(reactor, client, as_json=as_json)
    client.start()
    failed = 0
    try:
        for file in files:
            try:
                await watched.wait(client.files.put(room, Path(file), caption))
            except RequestError as error:
                failed += 1
                watched.say(f"{file}: {error.text}")
            except ClientError as error:
                if error.code not in _OF_ONE_FILE:
                    raise
                failed += 1
                watched.say(error.text)
            caption = ""
    except CancelledError:
        watched.say("interrupted; the same command goes on where this one was")
        return INTERRUPTED
    finally:
        watched.close()
    await watched.drained()
    return 1 if failed else 0
